-- Run once as a superuser, connected to the database that Souk will use, with
-- the psql variables owner_password, app_password and system_password set.
-- souk_owner runs migrations; souk_app serves requests under row-level
-- security; souk_system does the work that crosses tenants.
CREATE ROLE souk_owner LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD :'owner_password';
CREATE ROLE souk_app LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD :'app_password';
CREATE ROLE souk_system LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD :'system_password';
CREATE EXTENSION IF NOT EXISTS btree_gist;
ALTER SCHEMA public OWNER TO souk_owner;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO souk_app, souk_system;
