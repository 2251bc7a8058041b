-- instance words... -> how many hear the channel of the instance on this server, on which the words are published
operations.say = function(name, ...)
  return tell(name .. '#0', table.concat({ ... }, ' ')) or 0
end
