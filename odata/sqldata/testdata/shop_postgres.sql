create schema sales;
create schema archive;
create schema shut;
create type public.order_state as enum ('new', 'in progress', 'shipped', 'ça va', '1st', '🙂', '🙃', 'In Progress', 'null');
create type public.unborn as enum ();
create domain public.price as numeric(10,2) not null check (value >= 0);
create domain public.net_price as public.price;
create domain public.short_text as varchar(20);
create type public.point3 as (x int, y int);
create table public.customers (
	id bigint generated always as identity primary key, name text not null, "e-mail" varchar(200) unique, country char(2) not null, tags text[],
	photo bytea, data jsonb, born date, seen timestamptz(3), local timestamp, alarm time, lasts interval, address inet, cash money, note xml,
	code uuid not null unique, pos point3, spot point, span int4range, active boolean not null default true, big numeric, neg numeric(5,-2), tiny numeric(2,4),
	r real, d double precision, s smallint, o oid, search tsvector generated always as (to_tsvector('english', name)) stored,
	upper_name text generated always as (upper(name)) stored, ch "char", nm name, b bit(3), password text, tz timetz, mood unborn, short short_text, gone int);
alter table public.customers drop column gone;
comment on table public.customers is 'Who buys';
comment on column public.customers.born is 'Day of birth';
create table sales.orders (
	id int primary key, customer_id int not null references public.customers(id), billing_customer_id bigint references public.customers(id),
	state order_state not null, total net_price, placed_at timestamptz not null);
create table archive.orders (year int, number int, primary key (year, number), customer_id bigint);
alter table archive.orders add foreign key (customer_id) references public.customers(id) not valid;
create table archive.order_lines (year int not null, number int not null, line int not null, primary key (year, number, line), foreign key (year, number) references archive.orders);
create table public.employees (employee_id int primary key, reports_to int references public.employees(employee_id), mentor_id int references public.employees(employee_id), state order_state);
create table public.measures (taken date not null, sensor int not null, value float8, primary key (taken, sensor)) partition by range (taken);
create table public.measures_2026 partition of public.measures for values from ('2026-01-01') to ('2027-01-01');
create view public.order_totals as select customer_id, sum(total) as total, count(*) as n from sales.orders group by customer_id;
create materialized view public.top_customers as select id, name from public.customers;
create unique index on public.top_customers (id);
create table public.logs (what text);
create table public.partial (a int, b int not null, c int not null);
create unique index on public.partial (a);
create unique index on public.partial (b) where c > 0;
create unique index on public.partial ((b + c));
create table public.only_unique (a int not null, b text not null, c text, unique (b, a));
create table shut.secrets (id int primary key);
create table public.closed (id int primary key);
create table public.half_closed (id int primary key, open text, pin text);
create table public.ancestors (id int primary key);
create table public.heirs (since date) inherits (public.ancestors);
insert into public.customers (name, "e-mail", country, tags, photo, data, born, seen, local, alarm, lasts, address, cash, note, code, pos, spot, span, big, neg, tiny, r, d, s, o, ch, nm, b, password, tz, short)
	values ('Ada', 'ada@example.com', 'D', '{a,b}', '\x00ff', '{"a": [1, "ü"]}', '1815-12-10', '2026-03-01 12:00:00.1234+02', '2026-03-01 12:00:00.123456', '23:59:59.5', '1 month',
		'10.0.0.1/8', 1234.5, '<a>b</a>', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', row(1, 2), '(1,2)', '[1,5)', 12345678901234567890.123456789, 12345, 0.0012, 1.5, 0.1, -7, 4294967295,
		'x', 'a name', b'101', 'secret', '12:00+02', 'short');
insert into public.customers (name, country, code) values ('Bob', 'AT', 'b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11');
insert into sales.orders values (1, 1, 2, 'in progress', 10, '2026-01-01 00:00:00Z'), (2, 2, null, '🙃', 0.5, '1999-12-31 23:59:59.999999Z');
insert into archive.orders values (1999, 1, 1), (1999, 2, null);
insert into archive.order_lines values (1999, 1, 1), (1999, 1, 2);
insert into public.employees values (1, null, null, 'new'), (2, 1, 1, null);
insert into public.measures values ('2026-03-01', 1, 'infinity'), ('2026-03-01', 2, 0.25);
insert into public.only_unique values (1, 'b', null);
