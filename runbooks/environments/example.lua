-- An environment: what the names in a runbook mean in one place, and what
-- each runbook may do there. Copy this file, name it after the place, and
-- put your own systems in; `rbrun doctor` then checks it and its secrets. It
-- asks no server anything: `rbrun plan` does.
--
-- The file is a Lua table, evaluated without access to anything. Relative
-- paths start in this directory. A value such as "env:NAME", "file:PATH" or
-- "credential:NAME" (of systemd) is a reference to a secret: the secret goes
-- to the driver that needs it, never to a runbook, a journal or a screen.

return {
  name = "production", -- what the operator types to confirm a run

  -- noun -> name -> how it is reached. A runbook says
  -- metric.query { source = "metrics", ... }; where a noun has only one
  -- name, it need not say which.

  metric = {
    metrics = {
      driver = "prometheus",
      url = "https://prometheus.example.com",
      scrape_interval = "15s", -- as Prometheus is configured: after a change
      -- a number is believed when a scrape and the rate's window are over
      token = "env:PROMETHEUS_TOKEN",
    },
  },

  git = {
    api = {
      driver = "libgit2",
      path = "/srv/git/api.git", -- a clone with tags; fetch before a run
      ci = "github", -- or "notes" (git notes, refs/notes/ci)
      github_repo = "example/api",
      github_token = "credential:github-token",
      migrations = "db/migrations",
    },
  },

  deploy = {
    -- Whatever deploys today, as a command: an argument vector, no shell.
    api = {
      driver = "command",
      release = { "/usr/local/bin/deploy", "api", "{version}" },
      current = { "/usr/local/bin/deployed", "api" }, -- prints the version
      health = { "/usr/local/bin/healthy", "api" }, -- exit status 0: healthy
      environment = { "PATH", "KUBECONFIG" }, -- all that it gets to see
      timeout = "10m",
      health_timeout = "5m",
    },
    -- Or release directories with a `current` link on this machine:
    -- api = {
    --   driver = "symlink",
    --   releases = "/srv/api/releases", -- each with a file REVISION
    --   instances = {
    --     {
    --       name = "blue",
    --       current = "/srv/api/blue/current",
    --       restart = { "systemctl", "restart", "api@blue" },
    --       health = "http://127.0.0.1:8001/healthz",
    --       version = "http://127.0.0.1:8001/version",
    --     },
    --   },
    -- },
  },

  migrate = {
    api = {
      driver = "postgres",
      url = "file:/etc/rbrun/api-database.url", -- postgresql://user:..@host/db
      repo = "/srv/git/api.git",
      migrations = "db/migrations",
    },
  },

  snapshot = {
    api = {
      driver = "pg_dump",
      url = "file:/etc/rbrun/api-database.url",
      directory = "/srv/backup/rbrun", -- default: beside the run's journal
    },
  },

  flag = {
    flags = {
      driver = "file",
      path = "/etc/api/flags.json", -- {"name": true, ...}
    },
  },

  http = {
    api = { driver = "http", url = "https://api.example.com" },
  },

  notify = {
    incidents = { driver = "slack", webhook = "env:SLACK_WEBHOOK" },
    oncall = {
      driver = "smtp",
      url = "smtps://mail.example.com",
      username = "rbrun",
      password = "credential:smtp-password",
      from = "rbrun@example.com",
      to = { "oncall@example.com" },
    },
  },

  -- What is not granted is refused. Either half of "verb name" may end in *.
  grants = {
    ["api.lua"] = {
      "metric.* metrics",
      "git.* api",
      "deploy.current api",
      "deploy.release api",
      "migrate.assess api",
      "snapshot.take api",
      "snapshot.catalog api",
      "flag.* flags",
      "http.check api",
      "notify.send *",
    },
  },
}
