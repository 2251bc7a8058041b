-- -> the token that is held, holder, its ms, number of shared holders, {owner, ms} of each,
--    {owner, permits, ms, callers} of each waiter; a tab between them
operations.inspect = function()
  if call('EXISTS', H) == 0 then promote() end
  local holder = call('GET', H)
  drop_ended_shares()
  local token = held_token(holder)
  local shares = call('ZRANGE', S, 0, -1, 'WITHSCORES')
  local state = { token, holder and line(holder) or '', holder and call('PTTL', H) or 0, #shares / 2 }
  for i = 1, #shares, 2 do
    state[#state + 1] = line(shares[i])
    state[#state + 1] = text(math.max(0, read_share(shares[i + 1]) - ms - 1))
  end
  local waiters = call('ZRANGE', Q, 0, -1, 'WITHSCORES')
  for i = 1, #waiters, 2 do
    local waiter = call('HGET', W, waiters[i])
    local alive, permits, callers = match(waiter or '', '^(%d+) %d+ (%d+) %d+ %d+ (%d+) %d$')
    if alive and tonumber(alive) > ms then
      state[#state + 1] = line(waiters[i])
      state[#state + 1] = permits
      state[#state + 1] = text(math.max(0, ms - tonumber(waiters[i + 1]) / 1000))
      state[#state + 1] = callers
    end
  end
  return table.concat(state, '\t')
end
