-- +goose Up
-- A feed shows tokens of both kinds in the order of their ids, which neither of the indexes for one kind has. The
-- condition is always true: it keeps this index out of queries that don't name it, for which it is the worse one.
create index tokens_for_feed on tokens (workspace_id, id) where id <> '';
