-- instance nonce -> how many hear the channel of the instance on this server, on which the nonce is published
operations.probe = function(name, nonce)
  return tell(name .. '#0', 'p ' .. nonce) or 0
end
