-- The gateway: apps that Signet stands before itself. Quick: two columns with constants.

-- `settings` is JSON text: for which services a signature may be, the protocol, where the app is and whose key its store wants.
alter table proxy_app add column settings text not null default '{}';
-- The store's secret access key, sealed; `proxy_app/upstream/<app_id>` is its context.
alter table proxy_app add column upstream_secret bytea;
