-- +goose Up
create table apps (
    id           text collate "C" primary key,
    workspace_id text collate "C" not null references workspaces (id) on delete cascade,
    name         text collate "C" not null,
    description  text collate "C" not null,
    search       text collate "C" not null,
    scopes       text collate "C" not null,
    keys         text collate "C" not null,
    created_by   text collate "C" not null references users (id),
    created_at   bigint not null,
    disabled_at  bigint,
    epoch        bigint not null,
    last_used_at bigint,
    last_used_ip text collate "C"
);
create index apps_by_workspace on apps (workspace_id, id);
create index apps_by_maker on apps (created_by);

create table app_secrets (
    id           text collate "C" primary key,
    app_id       text collate "C" not null references apps (id) on delete cascade,
    hash         bytea not null unique,
    hint         text collate "C" not null,
    sealed       bytea,
    created_at   bigint not null,
    expires_at   bigint,
    last_used_at bigint,
    last_used_ip text collate "C"
);
create index app_secrets_by_app on app_secrets (app_id, id);
create index app_secrets_by_end on app_secrets (expires_at) where expires_at is not null;

create table oauth_tokens (
    id                text collate "C" primary key,
    workspace_id      text collate "C" not null references workspaces (id) on delete cascade,
    owner_id          text collate "C" not null references users (id),
    name              text collate "C" not null,
    search            text collate "C" not null,
    created_at        bigint not null,
    expires_at        bigint not null,
    disabled_at       bigint,
    disable_reason    text collate "C" not null,
    access_ended      boolean not null,
    reused_at         bigint,
    last_refreshed_at bigint,
    last_used_at      bigint,
    last_used_ip      text collate "C"
);
create index oauth_tokens_by_owner on oauth_tokens (workspace_id, owner_id, id);
create index oauth_tokens_by_workspace on oauth_tokens (workspace_id, id);
create index oauth_tokens_by_expiry on oauth_tokens (expires_at);

create table refresh_tokens (
    hash           bytea primary key,
    oauth_token_id text collate "C" not null references oauth_tokens (id) on delete cascade,
    created_at     bigint not null,
    used_at        bigint,
    successor      bytea,
    sealed         bytea
);
create index refresh_tokens_by_oauth_token on refresh_tokens (oauth_token_id);
create index refresh_tokens_by_successor on refresh_tokens (successor) where sealed is not null;
create index refresh_tokens_sealed on refresh_tokens (used_at) where sealed is not null;

create table signing_keys (
    id              text collate "C" primary key,
    workspace_id    text collate "C" not null references workspaces (id) on delete cascade,
    algorithm       text collate "C" not null,
    public          text collate "C" not null,
    sealed          bytea not null,
    created_at      bigint not null,
    signs_from      bigint not null,
    published_until bigint
);
create index signing_keys_by_workspace on signing_keys (workspace_id, id);

create table stopped_access (
    id         text collate "C" primary key,
    expires_at bigint not null
);
create index stopped_access_by_expiry on stopped_access (expires_at);

-- Assertions of clients are spent here too, as many as there are requests.
create index form_nonces_by_expiry on form_nonces (expires_at);

create table legacy_keys (
    id           text collate "C" primary key,
    workspace_id text collate "C" not null references workspaces (id) on delete cascade,
    sealed       bytea not null,
    created_at   bigint not null
);

alter table workspaces add column legacy_stops_at bigint;
alter table tokens add column scheme text collate "C" not null default '';
alter table tokens add column original_expiry bigint;
-- Ours and those that were imported are listed apart: neither has to be found among the other.
drop index tokens_by_workspace;
create index tokens_by_workspace on tokens (workspace_id, id) where scheme = '';
create index tokens_legacy on tokens (workspace_id, id) where scheme <> '';

create table keyset_check (
    id     bigint primary key check (id = 1),
    sealed bytea not null
);
