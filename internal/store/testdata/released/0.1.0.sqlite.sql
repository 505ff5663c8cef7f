CREATE TABLE goose_db_version (
		id INTEGER PRIMARY KEY AUTOINCREMENT,
		version_id INTEGER NOT NULL,
		is_applied INTEGER NOT NULL,
		tstamp TIMESTAMP DEFAULT (datetime('now'))
	);
insert into goose_db_version values (1, 0, 1, '2026-11-23 20:32:14');
insert into goose_db_version values (2, 1, 1, '2026-11-23 20:32:14');
CREATE TABLE users (
    id                 text primary key,
    email              text not null unique,
    name               text not null,
    password_hash      text,
    installation_admin integer not null,
    created_at         integer not null
) strict, without rowid;
insert into users values ('usr_a', 'ana@example.com', 'Ana', '$argon2id$x', 0, 1803902400000000);
insert into users values ('usr_b', 'ben@example.com', 'Ben', NULL, 0, 1803902400000000);
CREATE TABLE workspaces (
    id            text primary key,
    slug          text not null unique,
    name          text not null,
    policy        text not null,
    scopes        text not null,
    rules_version integer not null,
    created_at    integer not null
) strict, without rowid;
insert into workspaces values ('ws_1', 'one', 'One', '{"preset":"standard","tokens":{"offered":true,"roles":["administrator","developer","member"],"creators":["administrator","developer","member"],"overseers":["administrator"],"actions":["view","regenerate","edit_scope","revoke","delete"],"per_user":50,"count_ended":false,"list":"own","delete":"any_time","labels":{"menu":["Settings","Personal access tokens"],"title":"Personal access tokens","intro":"Tokens let scripts and tools such as Excel, Power BI and Postman sign in as you.","add":"Create token","create_title":"Create personal access token","create":"Create token","created_title":"Your new token","caution":"You can''t see this token again. Copy it now and keep it somewhere safe.","copy":"Copy","name":"Name","description":"Description","scope":"Scopes","created":"Created","expires":"Expires","never_advice":"A token that never expires works until somebody remembers to revoke it. A year is a good compromise.","save":"Save changes","revoke_confirm":"Revoke","delete_title":"Delete token","delete_confirm":"Delete"},"name":"unique","description":"optional","scope":{"mode":"chosen","required":true,"default":[]},"expiry":{"mode":"chosen","period":"","min_days":1,"max_days":365,"presets":[7,30,90,365],"proposed":90,"date":true,"never":false}},"apps":{"offered":true,"roles":["administrator","developer"],"creators":["administrator","developer"],"overseers":["administrator"],"actions":["view","regenerate","edit_scope","disable","activate","delete"],"per_user":0,"count_ended":false,"list":"workspace","delete":"any_time","labels":{"menu":["Settings","Apps"],"title":"Apps","intro":"","add":"Add app","create_title":"","create":"","created_title":"","caution":"","copy":"","name":"","description":"","scope":"","created":"","expires":"","never_advice":"","save":"","revoke_confirm":"","delete_title":"","delete_confirm":""},"secret":"once"},"oauth_tokens":{"offered":true,"roles":["administrator","developer","member"],"creators":["administrator","developer","member"],"overseers":["administrator"],"actions":["view","disable","delete"],"per_user":50,"count_ended":false,"list":"own","delete":"any_time","labels":{"menu":["Settings","OAuth tokens"],"title":"OAuth tokens","intro":"","add":"Generate","create_title":"","create":"","created_title":"","caution":"","copy":"","name":"","description":"","scope":"","created":"","expires":"","never_advice":"","save":"","revoke_confirm":"","delete_title":"","delete_confirm":""},"expiry":{"mode":"chosen","period":"","min_days":1,"max_days":365,"presets":[7,30,90,365],"proposed":90,"date":false,"never":false}},"access_tokens_after_stop":"stop","refresh_tokens":"rotate"}', '[{"name":"odata:read","title":"Read data (OData)","description":"Read feeds with Excel, Power BI, Postman and other OData tools.","roles":["administrator","developer","member"],"apps":true}]', 1, 1803902400000000);
CREATE TABLE members (
    workspace_id text not null references workspaces (id) on delete cascade,
    user_id      text not null references users (id) on delete cascade,
    role         text not null,
    turn         integer not null,
    created_at   integer not null,
    primary key (workspace_id, user_id)
) strict, without rowid;
insert into members values ('ws_1', 'usr_a', 'developer', 0, 1803902400000000);
insert into members values ('ws_1', 'usr_b', 'developer', 0, 1803902400000000);
CREATE TABLE sessions (
    id           text primary key,
    hash         blob not null unique,
    user_id      text not null references users (id) on delete cascade,
    created_at   integer not null,
    signed_in_at integer not null,
    seen_at      integer not null,
    address      text,
    user_agent   text not null
) strict, without rowid;
insert into sessions values ('ses_1', X'0700000001010000000000000000000000000000000000000000000000000000', 'usr_a', 1803902400000000, 1803902400000000, 1803902400000000, '2001:db8::1', 'Mozilla/5.0 (✓)');
CREATE TABLE links (
    hash       blob primary key,
    user_id    text not null references users (id) on delete cascade,
    purpose    text not null,
    created_at integer not null,
    expires_at integer not null
) strict, without rowid;
insert into links values (X'0700000001010000000000000000000000000000000000000000000000000000', 'usr_b', 'invitation', 1803902400000000, 1803906000000000);
CREATE TABLE form_nonces (
    hash       blob primary key,
    expires_at integer not null
) strict, without rowid;
insert into form_nonces values (X'0700000001010000000000000000000000000000000000000000000000000000', 1803906000000000);
CREATE TABLE tokens (
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
insert into tokens values ('tok_000000000001', 'ws_1', 'usr_a', X'0700000001010000000000000000000000000000000000000000000000000000', 'abcd', 'CI – ‘Straße’', 'line
break', 'ci – ‘straße’
line
break', 0, ' a b ', 1803902400000000, 1803906000000000, NULL, '', 1803902400000000, '::1');
insert into tokens values ('tok_000000000002', 'ws_1', 'usr_a', X'0E00000001020000000000000000000000000000000000000000000000000000', 'abcd', 'token 2', '', 'token 2
', 0, '', 1803902400000000, NULL, 1803902400000000, 'lost', NULL, NULL);
CREATE TABLE audit_events (
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
insert into audit_events values ('evt_1', 'ws_1', 1803902400000000, '', '', '', 'token.created', '', '', '', '', NULL, '', '', '{}');
CREATE TABLE usage_days (
    token_id     text not null,
    day          integer not null,
    workspace_id text not null references workspaces (id) on delete cascade,
    owner_id     text not null,
    requests     integer not null,
    refusals     integer not null,
    primary key (token_id, day)
) strict, without rowid;
insert into usage_days values ('tok_000000000001', 3, 'ws_1', 'usr_a', 5, 1);
CREATE TABLE usage_addresses (
    token_id     text not null,
    day          integer not null,
    address      text not null,
    workspace_id text not null references workspaces (id) on delete cascade,
    primary key (token_id, day, address)
) strict, without rowid;
insert into usage_addresses values ('tok_000000000001', 3, '::1', 'ws_1');
CREATE INDEX members_by_user on members (user_id);
CREATE INDEX sessions_by_user on sessions (user_id);
CREATE INDEX sessions_by_seen on sessions (seen_at);
CREATE INDEX links_by_user on links (user_id);
CREATE UNIQUE INDEX tokens_by_hash on tokens (hash);
CREATE INDEX tokens_by_owner on tokens (workspace_id, owner_id, id);
CREATE INDEX tokens_by_workspace on tokens (workspace_id, id);
CREATE INDEX audit_by_workspace on audit_events (workspace_id, id);
CREATE INDEX audit_by_target on audit_events (target_id, id);
CREATE INDEX usage_by_workspace on usage_days (workspace_id, day);
CREATE INDEX usage_addresses_by_workspace on usage_addresses (workspace_id, day);
