-- What the SAML identity provider remembers. New tables: no locks; rows are narrow and short-lived but for name ids.

-- A request of an app that was checked and waits for its user, or a launch from the portal. The id in its URL is
-- stored as SHA-256; `asked` is JSON text of what the request asked; the first browser that comes keeps it.
create table saml_request (
  id_hash bytea primary key,
  app_id text not null references app on delete cascade,
  asked text not null,
  relay_state text,
  browser_hash bytea,
  outcome text check (outcome in ('denied', 'cancelled')),
  created_at timestamptz not null,
  expires_at timestamptz not null
);
create index saml_request_expiry on saml_request (expires_at);

-- Signed messages that were seen: the key is what makes a second one fail.
create table saml_seen (
  scope text not null check (scope in ('authn', 'logout')),
  peer text not null,
  message_id text not null,
  expires_at timestamptz not null,
  primary key (scope, peer, message_id)
);
create index saml_seen_expiry on saml_seen (expires_at);

-- Persistent name ids: one per user and service provider, random, never given to anybody else. No foreign keys: they
-- outlive user and app, so that neither can come back as somebody else.
create table saml_name_id (
  user_id text not null,
  entity_id text not null,
  value text not null unique,
  created_at timestamptz not null,
  primary key (user_id, entity_id)
);

-- Which apps were told who is signed in, in which browser session: whom a logout is about. `family` is the browser
-- session's; the name id is kept as it was sent.
create table saml_participant (
  family text not null,
  app_id text not null references app on delete cascade,
  name_id text not null,
  name_id_format text not null,
  session_index text not null,
  user_id text not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  primary key (family, app_id, name_id)
);
create index saml_participant_name on saml_participant (name_id);
create index saml_participant_expiry on saml_participant (expires_at);
