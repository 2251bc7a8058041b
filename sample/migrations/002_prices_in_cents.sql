-- Not idempotent: a second run makes a pot of tea cost as much as a car.
UPDATE products SET price = price * 100;
