-- What happened. The id is a UUIDv7, so the primary key is also the order in time; no second index, since every
-- request writes here.
create table audit_event (
  event_id uuid primary key,
  event_time timestamptz not null,
  event_name text not null,
  actor text not null,
  body text not null
);
