-- +goose Up
create table users (
    id                 text primary key,
    email              text not null unique,
    name               text not null,
    password_hash      text,
    installation_admin integer not null,
    created_at         integer not null
) strict, without rowid;

create table workspaces (
    id            text primary key,
    slug          text not null unique,
    name          text not null,
    policy        text not null,
    scopes        text not null,
    rules_version integer not null,
    created_at    integer not null
) strict, without rowid;

create table members (
    workspace_id text not null references workspaces (id) on delete cascade,
    user_id      text not null references users (id) on delete cascade,
    role         text not null,
    turn         integer not null,
    created_at   integer not null,
    primary key (workspace_id, user_id)
) strict, without rowid;
create index members_by_user on members (user_id);

create table sessions (
    id           text primary key,
    hash         blob not null unique,
    user_id      text not null references users (id) on delete cascade,
    created_at   integer not null,
    signed_in_at integer not null,
    seen_at      integer not null,
    address      text,
    user_agent   text not null
) strict, without rowid;
create index sessions_by_user on sessions (user_id);
create index sessions_by_seen on sessions (seen_at);

create table links (
    hash       blob primary key,
    user_id    text not null references users (id) on delete cascade,
    purpose    text not null,
    created_at integer not null,
    expires_at integer not null
) strict, without rowid;
create index links_by_user on links (user_id);

create table form_nonces (
    hash       blob primary key,
    expires_at integer not null
) strict, without rowid;

create table tokens (
    id              text primary key,
    workspace_id    text not null references workspaces (id) on delete cascade,
    owner_id        text not null references users (id),
    hash            blob not null,
    hint            text not null,
    name            text not null,
    description     text not null,
    search          text not null,
    all_scopes      integer not null,
    scopes          text not null,
    created_at      integer not null,
    expires_at      integer,
    revoked_at      integer,
    revoke_reason   text not null,
    last_used_at    integer,
    last_used_ip    text
) strict;
create unique index tokens_by_hash on tokens (hash);
create index tokens_by_owner on tokens (workspace_id, owner_id, id);
create index tokens_by_workspace on tokens (workspace_id, id);

create table audit_events (
    id           text primary key,
    workspace_id text,
    at           integer not null,
    actor_id     text not null,
    actor_name   text not null,
    via          text not null,
    action       text not null,
    target_kind  text not null,
    target_id    text not null,
    target_name  text not null,
    owner_id     text not null,
    address      text,
    user_agent   text not null,
    request_id   text not null,
    detail       text not null
) strict;
create index audit_by_workspace on audit_events (workspace_id, id);
create index audit_by_target on audit_events (target_id, id);

create table usage_days (
    token_id     text not null,
    day          integer not null,
    workspace_id text not null references workspaces (id) on delete cascade,
    owner_id     text not null,
    requests     integer not null,
    refusals     integer not null,
    primary key (token_id, day)
) strict, without rowid;
create index usage_by_workspace on usage_days (workspace_id, day);

create table usage_addresses (
    token_id     text not null,
    day          integer not null,
    address      text not null,
    workspace_id text not null references workspaces (id) on delete cascade,
    primary key (token_id, day, address)
) strict, without rowid;
create index usage_addresses_by_workspace on usage_addresses (workspace_id, day);
