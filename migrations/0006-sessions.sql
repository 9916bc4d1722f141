-- Browser sessions. The cookie's value is stored as its SHA-256. `family` survives the change of the id at each rise
-- of privilege and is what audit events and revocation name. `authentications` is a JSON list of {factor, at}.
create table browser_session (
  id_hash bytea primary key,
  family text not null unique,
  user_id text not null references users on delete cascade,
  user_epoch integer not null,
  authentications text not null,
  ip text not null,
  user_agent text not null,
  created_at timestamptz not null,
  last_seen_at timestamptz not null,
  idle_seconds integer not null,
  expires_at timestamptz not null
) with (fillfactor = 85);

create index browser_session_user on browser_session (user_id);
