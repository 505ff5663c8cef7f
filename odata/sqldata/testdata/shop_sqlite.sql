create table customers (id integer primary key, name text not null, "e-mail" varchar(200) unique, credit decimal(10,2), vip boolean, born date, photo blob);
create table orders (
	id integer primary key,
	customer_id int not null references customers,
	shipping_address_id int references addresses(id),
	billing_address_id int references addresses(id),
	placed_at datetime not null, pick time, total real, ref uuid, "order" text, note);
create table addresses (id integer primary key, customer_id integer not null references customers(id), street text, location point);
create table order_lines (order_id integer not null references orders(id), line integer not null, product_code text references products(code), quantity integer, primary key (order_id, line)) without rowid;
create table products (code text primary key, title string, parent_code text references products(code), data json, category_id integer references categories);
create table categories (id integer primary key, category_id integer references categories(id), name text);
create table shipments (year integer, order_no integer, line integer, id integer primary key, foreign key (order_no, line) references order_lines(order_id, line));
create table logs (at text, what text);
create table tags (tag text not null unique, kind text);
create table passports (customer_id integer primary key references customers(id), number text);
create view order_totals as select customer_id, cast(sum(total) as real) as total, count(*) as n from orders group by customer_id;
create virtual table search using fts5(body);
create table strict_one (id integer primary key, x any, y integer generated always as (id*2) virtual, z text) strict;
insert into customers values (1, 'Ada', 'ada@example.com', 12.5, 1, '1815-12-10', x'00ff'), (2, 'Bob', null, null, null, null, null);
insert into addresses values (1, 1, 'Main Street 1', null), (2, 1, 'Side Street 2', 'there');
insert into orders values (1, 1, 1, 2, '2026-03-01 12:00:00', '23:59:59.5', 10.25, 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 'x', 'y'), (2, 2, null, null, '2026-03-01T12:00:00.123+02:00', null, null, null, null, 1);
insert into categories values (1, null, 'all'), (2, 1, 'some');
insert into products values ('p', 'Title', null, '{"a": 1}', 2), ('q', 0123, 'p', null, null), (null, 'without a key', null, null, null);
insert into order_lines values (1, 1, 'p', 2), (1, 2, 'q', 3);
insert into shipments values (2026, 1, 2, 1), (2026, 9, 9, 2);
insert into tags values ('t', null);
insert into passports values (1, 'P1');
insert into strict_one (id, z) values (1, 'z');
