-- +goose Up
create table users (
    id                 text collate "C" primary key,
    email              text collate "C" not null unique,
    name               text collate "C" not null,
    password_hash      text,
    installation_admin boolean not null,
    created_at         bigint not null
);

create table workspaces (
    id            text collate "C" primary key,
    slug          text collate "C" not null unique,
    name          text collate "C" not null,
    policy        text not null,
    scopes        text not null,
    rules_version bigint not null,
    created_at    bigint not null
);

create table members (
    workspace_id text collate "C" not null references workspaces (id) on delete cascade,
    user_id      text collate "C" not null references users (id) on delete cascade,
    role         text collate "C" not null,
    turn         bigint not null,
    created_at   bigint not null,
    primary key (workspace_id, user_id)
);
create index members_by_user on members (user_id);

create table sessions (
    id           text collate "C" primary key,
    hash         bytea not null unique,
    user_id      text collate "C" not null references users (id) on delete cascade,
    created_at   bigint not null,
    signed_in_at bigint not null,
    seen_at      bigint not null,
    address      text collate "C",
    user_agent   text not null
);
create index sessions_by_user on sessions (user_id);
create index sessions_by_seen on sessions (seen_at);

create table links (
    hash       bytea primary key,
    user_id    text collate "C" not null references users (id) on delete cascade,
    purpose    text collate "C" not null,
    created_at bigint not null,
    expires_at bigint not null
);
create index links_by_user on links (user_id);

create table form_nonces (
    hash       bytea primary key,
    expires_at bigint not null
);

create table tokens (
    id              text collate "C" primary key,
    workspace_id    text collate "C" not null references workspaces (id) on delete cascade,
    owner_id        text collate "C" not null references users (id),
    hash            bytea not null,
    hint            text not null,
    name            text collate "C" not null,
    description     text not null,
    search          text collate "C" not null,
    all_scopes      boolean not null,
    scopes          text not null,
    created_at      bigint not null,
    expires_at      bigint,
    revoked_at      bigint,
    revoke_reason   text not null,
    last_used_at    bigint,
    last_used_ip    text
);
create unique index tokens_by_hash on tokens (hash);
create index tokens_by_owner on tokens (workspace_id, owner_id, id);
create index tokens_by_workspace on tokens (workspace_id, id);

create table audit_events (
    id           text collate "C" primary key,
    workspace_id text collate "C",
    at           bigint not null,
    actor_id     text collate "C" not null,
    actor_name   text not null,
    via          text not null,
    action       text collate "C" not null,
    target_kind  text not null,
    target_id    text collate "C" not null,
    target_name  text not null,
    owner_id     text collate "C" not null,
    address      text collate "C",
    user_agent   text not null,
    request_id   text not null,
    detail       text not null
);
create index audit_by_workspace on audit_events (workspace_id, id);
create index audit_by_target on audit_events (target_id, id);

create table usage_days (
    token_id     text collate "C" not null,
    day          bigint not null,
    workspace_id text collate "C" not null references workspaces (id) on delete cascade,
    owner_id     text collate "C" not null,
    requests     bigint not null,
    refusals     bigint not null,
    primary key (token_id, day)
);
create index usage_by_workspace on usage_days (workspace_id, day);

create table usage_addresses (
    token_id     text collate "C" not null,
    day          bigint not null,
    address      text collate "C" not null,
    workspace_id text collate "C" not null references workspaces (id) on delete cascade,
    primary key (token_id, day, address)
);
create index usage_addresses_by_workspace on usage_addresses (workspace_id, day);
