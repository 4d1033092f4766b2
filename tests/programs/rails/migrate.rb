# ruby migrate.rb SOCKET DATABASE [VERSION]: what `rails db:migrate` does.
require "active_record"
ActiveRecord::Base.establish_connection(
  adapter: "postgresql", host: ARGV[0], database: ARGV[1], username: "postgres")
ActiveRecord::Migration.verbose = false
paths = [File.join(__dir__, "db/migrate")]
ActiveRecord::MigrationContext.new(paths, ActiveRecord::SchemaMigration)
  .migrate(ARGV[2] && ARGV[2].to_i)
