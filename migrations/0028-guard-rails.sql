-- Organizational units and guard-rails (service and resource control policies). Small tables, no locks to speak of.
-- Ids have AWS Organizations' shapes; `generation` grows with every change below, so that what was read may be kept.
alter table organization
  add organization_id text not null default 'o-' || substr(md5(gen_random_uuid()::text), 1, 10),
  add root_id text not null default 'r-' || substr(md5(gen_random_uuid()::text), 1, 4),
  add generation bigint not null default 1;

create table organizational_unit (
  unit_id text primary key,
  -- Null: directly under the root.
  parent_id text references organizational_unit,
  name text not null,
  created_at timestamptz not null
);
create unique index organizational_unit_name on organizational_unit (coalesce(parent_id, ''), lower(name));

-- Null: directly under the root.
alter table account add unit_id text references organizational_unit;

create table guard_rail (
  policy_id text primary key,
  type text not null check (type in ('scp', 'rcp')),
  name text not null,
  description text not null,
  document text not null,
  version integer not null,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create unique index guard_rail_name on guard_rail (type, lower(name));

-- `target_id` is the root's, a unit's or an account's id.
create table guard_rail_attachment (
  policy_id text not null references guard_rail,
  target_id text not null,
  primary key (policy_id, target_id)
);

-- FullAWSAccess is attached everywhere but here.
create table scp_full_access_detached (
  target_id text primary key
);
