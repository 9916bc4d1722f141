-- What the IAM API tells of and the older tables do not hold.
-- Which policies are somebody's boundary, and where: asked by ListEntitiesForPolicy and before a policy is deleted.
create index users_boundary on users (permissions_boundary) where permissions_boundary is not null;
create index role_boundary on role (permissions_boundary) where permissions_boundary is not null;

-- When a role's credentials were last used. Not in the role's row: a change there makes every node look again.
create table role_use (
  role_id text primary key references role on delete cascade,
  last_used_at timestamptz not null,
  last_used_region text not null
);
