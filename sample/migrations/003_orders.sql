CREATE TABLE IF NOT EXISTS orders (
  id TEXT NOT NULL,
  amount BIGINT NOT NULL, -- cents
  paid INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE IF NOT EXISTS charges (
  order_id TEXT NOT NULL,
  amount BIGINT NOT NULL,
  replica TEXT NOT NULL,
  fencing_token BIGINT NOT NULL
);
