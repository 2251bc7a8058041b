-- Adds the operations that are asked for now and then to `operations`. The body of a function.

--- @include "includes/holders"

--- @include "operations/raise"

--- @include "operations/force"

--- @include "operations/steal"

--- @include "operations/request-release"

--- @include "operations/complete"

--- @include "operations/marked"

--- @include "operations/unmark"

--- @include "operations/inspect"

--- @include "operations/probe"

--- @include "operations/say"

--- @include "operations/note"

--- @include "operations/notes"
