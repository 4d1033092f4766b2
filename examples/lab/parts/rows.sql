-- The rows of the lab: the same ones every time, some hundreds to lose.
-- Every third product has no discount, every third customer no address:
-- what tests written in a hurry forget, and releases then break on.
insert into products (name, price_cents, discount, stock)
select 'Product ' || n, 500 + n * 130,
       case when n % 3 = 0 then null else (n % 5) * 5 end, 100000
  from generate_series(1, 60) n;

insert into customers (name, email, address)
select 'Customer ' || n, 'customer' || n || '@example.invalid',
       case when n % 3 = 0 then null else n || ' Harbour Street' end
  from generate_series(1, 200) n;

insert into orders (customer_id, product_id, quantity, total_cents, placed_at)
select 1 + n % 200, 1 + n % 60, 1 + n % 4,
       (1 + n % 4) * (500 + (1 + n % 60) * 130),
       timestamptz '2026-01-01 00:00:00+00' + n * interval '1 hour'
  from generate_series(1, 600) n;
