-- Small histories in the manner of the tools that write them: what their
-- files are full of besides plain statements, and the verdicts that a scratch
-- database gives to the same files.
local A = require "tests.spec.support_assess"
local cli = A.cli

before_each(function()
  cli.open()
  assert(os.execute("chmod 755 " .. cli.quote(cli.directory)))
end)
after_each(cli.close)

-- name = {tool, files in their order {path, text, verdict, code}, others}
local histories = {}

histories["a dump of pg_dump first, then small steps"] = { "plain", {
  { "001_baseline.sql", [[
--
-- PostgreSQL database dump; made by nobody
--
SET statement_timeout = 0;
SET client_encoding = 'UTF8';
SELECT pg_catalog.set_config('search_path', '', false);
SET default_table_access_method = heap;
CREATE TYPE public.mood AS ENUM (
    'sad',
    'ok; fine'
);
CREATE FUNCTION public.touch() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  NEW.at := now(); RETURN NEW;
END;
$$;
CREATE TABLE public.users (
    id integer NOT NULL,
    name character varying(40) DEFAULT ''::character varying NOT NULL,
    feeling public.mood,
    at timestamp with time zone
);
CREATE SEQUENCE public.users_id_seq
    AS integer START WITH 1 INCREMENT BY 1 NO MINVALUE NO MAXVALUE CACHE 1;
ALTER SEQUENCE public.users_id_seq OWNED BY public.users.id;
ALTER TABLE ONLY public.users ALTER COLUMN id
    SET DEFAULT nextval('public.users_id_seq'::regclass);
COPY public.users (id, name, feeling, at) FROM stdin;
1	semi;colon 'and quote	sad	\N
\.
SELECT pg_catalog.setval('public.users_id_seq', 1, true);
ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);
CREATE TRIGGER touch BEFORE UPDATE ON public.users
    FOR EACH ROW EXECUTE FUNCTION public.touch();
]], "compatible" },
  { "002_name.sql", "ALTER TABLE users ALTER name TYPE varchar(80);\n",
    "compatible" },
  { "003_key.sql", "ALTER TABLE users DROP CONSTRAINT users_pkey CASCADE;\n",
    "caution", "unique_removed" },
  { "004_default.sql", "DROP SEQUENCE users_id_seq CASCADE;\n",
    "incompatible", "default_dropped_on_not_null" } } }

histories["Prisma"] = { "prisma", {
  { "20240101000000_init/migration.sql", [[
-- CreateEnum
CREATE TYPE "Role" AS ENUM ('USER', 'ADMIN');

-- CreateTable
CREATE TABLE "User" (
    "id" SERIAL NOT NULL,
    "email" TEXT NOT NULL,
    "role" "Role" NOT NULL DEFAULT 'USER',
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "User_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "User_email_key" ON "User"("email");
]], "compatible" },
  { "20240102000000_post/migration.sql", [[
-- CreateTable
CREATE TABLE "Post" ("id" TEXT NOT NULL, "authorId" INTEGER,
    CONSTRAINT "Post_pkey" PRIMARY KEY ("id"));
-- AddForeignKey
ALTER TABLE "Post" ADD CONSTRAINT "Post_authorId_fkey" FOREIGN KEY
  ("authorId") REFERENCES "User"("id") ON DELETE SET NULL ON UPDATE CASCADE;
]], "compatible" },
  { "20240103000000_age/migration.sql", [[
/*
  Warnings:
  - Added the required column `age` to the `User` table without a default;
*/
-- AlterTable
ALTER TABLE "User" ADD COLUMN     "age" INTEGER NOT NULL;
]], "incompatible", "required_column_added" },
  { "20240104000000_role/migration.sql", [[
-- AlterEnum
BEGIN;
CREATE TYPE "Role_new" AS ENUM ('USER');
ALTER TABLE "User" ALTER COLUMN "role" DROP DEFAULT;
ALTER TABLE "User" ALTER COLUMN "role" TYPE "Role_new"
  USING ("role"::text::"Role_new");
ALTER TYPE "Role" RENAME TO "Role_old";
ALTER TYPE "Role_new" RENAME TO "Role";
DROP TYPE "Role_old";
ALTER TABLE "User" ALTER COLUMN "role" SET DEFAULT 'USER';
COMMIT;
]], "incompatible", "enum_value_removed" } },
  { ["migration_lock.toml"] = 'provider = "postgresql"\n' } }

histories["goose"] = { "goose", {
  { "00001_init.sql", [[
-- +goose Up
CREATE TABLE jobs (id bigserial PRIMARY KEY, state text NOT NULL);
-- +goose StatementBegin
CREATE FUNCTION bump() RETURNS trigger AS $fn$
BEGIN
  NEW.state := 'x;y'; -- a ; here
  RETURN NEW;
END;
$fn$ LANGUAGE plpgsql;
-- +goose StatementEnd
-- +goose Down
DROP FUNCTION bump();
DROP TABLE jobs;
]], "compatible" },
  { "00002_index.sql", [[
-- +goose NO TRANSACTION
-- +goose Up
CREATE INDEX CONCURRENTLY jobs_state ON jobs (state);
-- +goose Down
DROP INDEX CONCURRENTLY jobs_state;
]], "compatible" },
  { "00003_trigger.sql", [[
-- +goose Up
CREATE TRIGGER bump BEFORE INSERT ON jobs
  FOR EACH ROW EXECUTE PROCEDURE bump();
-- +goose Down
DROP TRIGGER bump ON jobs;
]], "caution", "trigger_added" } } }

histories["dbmate"] = { "dbmate", {
  { "20240101_init.sql", [[
-- migrate:up
CREATE TABLE IF NOT EXISTS items (id int PRIMARY KEY, price int);
INSERT INTO items VALUES (1, 5);
-- migrate:down
DROP TABLE items;
]], "compatible" },
  { "20240102_check.sql", [[
-- migrate:up
SET lock_timeout = '2s';
ALTER TABLE items ADD CONSTRAINT price_pos CHECK (price > 0) NOT VALID;
ALTER TABLE items VALIDATE CONSTRAINT price_pos;
-- migrate:down
ALTER TABLE items DROP CONSTRAINT price_pos;
]], "incompatible", "check_added" },
  { "20240103_wider.sql", [[
-- migrate:up transaction:false
ALTER TABLE items DROP CONSTRAINT price_pos;
ALTER TABLE items ADD CONSTRAINT price_pos CHECK (price >= 0);
-- migrate:down
]], "caution", "check_relaxed" } } }

histories["sqlx, with the ends of lines of Windows and a BOM"] = {
  "golang-migrate", { -- files of the same names
  { "20240101000000_init.up.sql", "\u{FEFF}CREATE TABLE notes (\r\n"
    .. "  id uuid PRIMARY KEY DEFAULT gen_random_uuid(), -- a; b\r\n"
    .. "  body text NOT NULL DEFAULT E'it\\'s;\\n'\r\n);\r\n", "compatible" },
  { "20240102000000_tag.up.sql", "/* one; /* nested; */ */\r\n"
    .. "ALTER TABLE notes\r\n  ADD COLUMN tag text,\r\n"
    .. "  ALTER COLUMN body DROP NOT NULL;\r\n", "caution",
    "not_null_dropped" } },
  { ["20240101000000_init.down.sql"] = "DROP TABLE notes;\r\n",
    ["20240102000000_tag.down.sql"] = "ALTER TABLE notes DROP tag;\r\n" } }

histories["Diesel"] = { "diesel", {
  { "2024-01-01-000000_setup/up.sql", [[
CREATE OR REPLACE FUNCTION diesel_set_updated_at() RETURNS trigger AS $$
BEGIN
    IF (NEW IS DISTINCT FROM OLD) THEN
        NEW.updated_at := current_timestamp;
    END IF;
    RETURN NEW;
END;
$$ LANGUAGE plpgsql;
]], "compatible" },
  { "2024-01-02-000000_posts/up.sql",
    "CREATE TABLE posts (id SERIAL PRIMARY KEY, title VARCHAR NOT NULL)\n",
    "compatible" },
  { "2024-01-03-000000_title/up.sql",
    "ALTER TABLE posts RENAME COLUMN title TO heading\n", "incompatible",
    "column_renamed" } },
  { ["2024-01-01-000000_setup/down.sql"] =
      "DROP FUNCTION IF EXISTS diesel_set_updated_at();\n",
    ["2024-01-02-000000_posts/down.sql"] = "DROP TABLE posts\n",
    ["2024-01-03-000000_title/down.sql"] =
      "ALTER TABLE posts RENAME COLUMN heading TO title\n" } }

histories["policies and rights, as a backend in the database has them"] = {
  "plain", {
  { "20240101120000_profiles.sql", [[
create table profiles (
  id uuid not null primary key,
  username text unique,
  constraint username_length check (char_length(username) >= 3)
);
alter table profiles enable row level security;
create policy "Profiles are seen by everyone." on profiles
  for select using (true);
create function handle_new() returns trigger
set search_path = '' as $$
begin
  insert into public.profiles (id) values (new.id);
  return new;
end;
$$ language plpgsql security definer;
]], "compatible" },
  { "20240102120000_policy.sql", [[
alter policy "Profiles are seen by everyone." on profiles
  using (username is not null);
]], "incompatible", "policy_changed" },
  { "20240103120000_revoke.sql", [[
revoke all on function handle_new() from public;
]], "incompatible", "privilege_lost" } } }

histories["Drizzle"] = { "drizzle", {
  { "0000_begin.sql", [[
CREATE TABLE IF NOT EXISTS "teams" (
	"id" serial PRIMARY KEY NOT NULL,
	"slug" varchar(30) NOT NULL,
	CONSTRAINT "teams_slug_unique" UNIQUE("slug")
);
--> statement-breakpoint
CREATE TABLE IF NOT EXISTS "seats" ("id" serial PRIMARY KEY NOT NULL,
	"team" integer);
]], "compatible" },
  { "0001_key.sql", [[
DO $$ BEGIN
 ALTER TABLE "seats" ADD CONSTRAINT "seats_team_fk" FOREIGN KEY ("team")
  REFERENCES "teams"("id") ON DELETE no action ON UPDATE no action;
EXCEPTION
 WHEN duplicate_object THEN null;
END $$;
]], "unknown", "dynamic_sql" },
  { "0002_slug.sql", [[
ALTER TABLE "teams" DROP CONSTRAINT "teams_slug_unique";--> statement-breakpoint
ALTER TABLE "teams" ALTER COLUMN "slug" SET DATA TYPE text;
]], "caution", "unique_removed" } },
  { ["meta/_journal.json"] = [[{"version":"7","dialect":"postgresql","entries":[
    {"idx":0,"version":"7","when":1,"tag":"0000_begin","breakpoints":true},
    {"idx":1,"version":"7","when":2,"tag":"0001_key","breakpoints":true},
    {"idx":2,"version":"7","when":3,"tag":"0002_slug","breakpoints":true}]}
]] } }

histories["Flyway"] = { "flyway", {
  { "V1__begin.sql", [[
CREATE TABLE orders (id bigint PRIMARY KEY, total numeric(10,2));
CREATE VIEW big AS SELECT id FROM orders WHERE total > 100;
]], "compatible" },
  { "V2__placeholder.sql", "ALTER TABLE ${schema}.orders ADD note text;\n",
    "unknown", "unparsable" },
  { "V3__total.sql",
    "DROP VIEW big;\nALTER TABLE orders ALTER total TYPE numeric(12,2);\n"
    .. "CREATE VIEW big AS SELECT id FROM orders WHERE total > 100;\n",
    "compatible" },
  { "V4__drop.sql", "DROP TABLE orders CASCADE;\n", "incompatible",
    "view_removed" } } }

histories["a transaction of its own, swaps, names that are cut"] = {
  "golang-migrate", {
  { "000001_init.up.sql", [[
BEGIN;
CREATE TABLE IF NOT EXISTS orders (id int PRIMARY KEY UNIQUE,
  ref int CHECK (ref > 0));
CREATE TABLE orders_of_a_customer_whose_name_is_very_long_and_is_cut (
  the_external_identifier int UNIQUE);
COMMIT;
]], "compatible" },
  { "000002_again.up.sql", [[
ALTER TABLE orders RENAME TO orders_2023;
CREATE TABLE orders (LIKE orders_2023 INCLUDING ALL);
ALTER TABLE orders ADD UNIQUE (ref);
]], "incompatible", "unique_added" },
  { "000003_cut.up.sql", [[
ALTER TABLE orders_of_a_customer_whose_name_is_very_long_and_is_cut
DROP CONSTRAINT
  orders_of_a_customer_whose_name_is__the_external_identifier_key;
ALTER TABLE orders DROP CONSTRAINT orders_ref_key,
  DROP CONSTRAINT orders_ref_check;
]], "caution", "unique_removed" },
  { "000004_swap.up.sql", [[
ALTER TABLE orders RENAME TO orders_tmp;
ALTER TABLE orders_2023 RENAME TO orders;
ALTER TABLE orders_tmp RENAME TO orders_2023;
]], "incompatible", "check_added" } },
  { ["000001_init.down.sql"] = "DROP TABLE orders;\n" } }

local function write(history)
  local files = {}
  for path, text in pairs(history[3] or {}) do files[path] = text end
  for _, file in ipairs(history[2]) do files[file[1]] = file[2] end
  A.files("db", files)
end

local function holds(list, code)
  for _, one in ipairs(list) do
    if one.code == code then return true end
  end
  return false
end

--- Each file's verdict and code; unknown: also where the text alone knew
--- nothing.
local function check(history, result, shadow)
  local said = {}
  for _, one in ipairs(A.objects(result)) do
    if one.file then
      said[one.path:match "^db/(.*)$"] = one
      assert.equal(history[1], one.tool)
    end
  end
  for _, file in ipairs(history[2]) do
    local one = assert(said[file[1]], file[1] .. " is not in " .. result.all)
    if not (shadow and file[3] == "unknown") then
      assert.equal(file[3], one.verdict, file[1] .. "\n" .. result.all)
      if file[4] then
        assert.is_true(holds(one.reasons, file[4]) or
                       holds(one.cautions, file[4]), result.all)
      end
    end
  end
end

local names = {}
for name in pairs(histories) do names[#names + 1] = name end
table.sort(names)

describe("a history in the manner of", function()
  for _, name in ipairs(names) do
    it(name, function()
      write(histories[name])
      check(histories[name], A.run "db --json")
    end)
  end
end)

describe("a scratch database agrees on", function()
  -- each starts a server: all of them where there is time
  local some = { ["Prisma"] = true,
    ["a transaction of its own, swaps, names that are cut"] = true }
  for _, name in ipairs(names) do
    -- rows of COPY .. FROM stdin are not sent to a scratch database
    local rows = name:find("pg_dump", 1, true)
    local run = (some[name] or os.getenv "RBRUN_ALL_STYLES") and not rows
    if run then it(name, function()
      assert(os.execute("mkdir -m 777 " .. cli.quote(cli.path "tmp")))
      write(histories[name])
      check(histories[name], A.run("db --json --shadow",
                                   "TMPDIR=" .. cli.path "tmp"), true)
    end) end
  end
end)
