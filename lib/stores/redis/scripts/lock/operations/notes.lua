-- since -> what was noted since then, us, and behind each note its time; in the order of the times
operations.notes = function(since)
  return table.concat(call('ZRANGE', H .. ':journal', since, '+inf', 'BYSCORE', 'WITHSCORES'), ' ')
end
