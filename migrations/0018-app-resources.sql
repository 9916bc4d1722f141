-- Applications as the decision point knows them: their actions, their resource types, and what is stored of their resources.
-- `authority_for` is a JSON list of the aws: keys that the app may assert about a subject.
alter table app add column authority_for text not null default '[]';

create table app_action (
  app_id text not null references app on delete cascade,
  name text not null,
  name_key text not null,
  resource_types text not null default '[]',
  description text,
  primary key (app_id, name_key)
);

-- `inventory`: every resource of the type is registered in app_resource, so that a search finds all of them.
create table app_resource_type (
  app_id text not null references app on delete cascade,
  name text not null,
  inventory boolean not null default false,
  primary key (app_id, name)
);

-- `id` is the app's own, sorted byte by byte so that pages are the same everywhere; `policy` is a resource policy.
create table app_resource (
  app_id text not null references app on delete cascade,
  type text not null,
  id text collate "C" not null,
  properties text not null default '{}',
  policy text,
  updated_at timestamptz not null,
  primary key (app_id, type, id),
  constraint app_resource_of_type foreign key (app_id, type) references app_resource_type
);
