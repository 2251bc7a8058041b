-- How a server of a quorum introduces itself. A script, since a proxy that does not know INFO may hang up on it, and
-- since it goes to the server that the votes go to.
--
-- KEYS[1]: what the call goes after, and nothing else.
-- -> the section "server" of INFO

return redis.call('INFO', 'server')
