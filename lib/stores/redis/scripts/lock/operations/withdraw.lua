-- owner -> 1. It leaves the queue, and whatever it holds is given back.
operations.withdraw = function(owner)
  drop_waiter(owner)
  end_hold(0, owner)
  return 1
end
