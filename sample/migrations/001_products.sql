CREATE TABLE IF NOT EXISTS products (
  name TEXT NOT NULL,
  price BIGINT NOT NULL -- euros
);

INSERT INTO products (name, price) VALUES ('tea', 5), ('teapot', 30), ('kettle', 45);
