-- +goose Up
create table apps (
    id           text primary key,
    workspace_id text not null references workspaces (id) on delete cascade,
    name         text not null,
    description  text not null,
    search       text not null,
    scopes       text not null,
    keys         text not null,
    created_by   text not null references users (id),
    created_at   integer not null,
    disabled_at  integer,
    epoch        integer not null,
    last_used_at integer,
    last_used_ip text
) strict, without rowid;
create index apps_by_workspace on apps (workspace_id, id);
create index apps_by_maker on apps (created_by);

create table app_secrets (
    id           text primary key,
    app_id       text not null references apps (id) on delete cascade,
    hash         blob not null unique,
    hint         text not null,
    sealed       blob,
    created_at   integer not null,
    expires_at   integer,
    last_used_at integer,
    last_used_ip text
) strict, without rowid;
create index app_secrets_by_app on app_secrets (app_id, id);
create index app_secrets_by_end on app_secrets (expires_at) where expires_at is not null;

create table oauth_tokens (
    id                text primary key,
    workspace_id      text not null references workspaces (id) on delete cascade,
    owner_id          text not null references users (id),
    name              text not null,
    search            text not null,
    created_at        integer not null,
    expires_at        integer not null,
    disabled_at       integer,
    disable_reason    text not null,
    access_ended      integer not null,
    reused_at         integer,
    last_refreshed_at integer,
    last_used_at      integer,
    last_used_ip      text
) strict, without rowid;
create index oauth_tokens_by_owner on oauth_tokens (workspace_id, owner_id, id);
create index oauth_tokens_by_workspace on oauth_tokens (workspace_id, id);
create index oauth_tokens_by_expiry on oauth_tokens (expires_at);

create table refresh_tokens (
    hash           blob primary key,
    oauth_token_id text not null references oauth_tokens (id) on delete cascade,
    created_at     integer not null,
    used_at        integer,
    successor      blob,
    sealed         blob
) strict, without rowid;
create index refresh_tokens_by_oauth_token on refresh_tokens (oauth_token_id);
create index refresh_tokens_by_successor on refresh_tokens (successor) where sealed is not null;
create index refresh_tokens_sealed on refresh_tokens (used_at) where sealed is not null;

create table signing_keys (
    id              text primary key,
    workspace_id    text not null references workspaces (id) on delete cascade,
    algorithm       text not null,
    public          text not null,
    sealed          blob not null,
    created_at      integer not null,
    signs_from      integer not null,
    published_until integer
) strict, without rowid;
create index signing_keys_by_workspace on signing_keys (workspace_id, id);

create table stopped_access (
    id         text primary key,
    expires_at integer not null
) strict, without rowid;
create index stopped_access_by_expiry on stopped_access (expires_at);

-- Assertions of clients are spent here too, as many as there are requests.
create index form_nonces_by_expiry on form_nonces (expires_at);

create table legacy_keys (
    id           text primary key,
    workspace_id text not null references workspaces (id) on delete cascade,
    sealed       blob not null,
    created_at   integer not null
) strict, without rowid;

alter table workspaces add column legacy_stops_at integer;
alter table tokens add column scheme text not null default '';
alter table tokens add column original_expiry integer;
-- Ours and those that were imported are listed apart: neither has to be found among the other.
drop index tokens_by_workspace;
create index tokens_by_workspace on tokens (workspace_id, id) where scheme = '';
create index tokens_legacy on tokens (workspace_id, id) where scheme <> '';

create table keyset_check (
    id     integer primary key check (id = 1),
    sealed blob not null
) strict;
