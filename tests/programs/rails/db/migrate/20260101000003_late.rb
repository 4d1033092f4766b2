class Late < ActiveRecord::Migration[5.2]
  disable_ddl_transaction!

  def up
    add_index :users, :points, algorithm: :concurrently
    change_column :users, :age, :bigint, using: "age::bigint"
    validate_foreign_key :companies, column: :thing_id
    create_table :events do |t|
      t.timestamps
    end
    execute("CREATE TYPE mood AS ENUM ('sad', 'ok')")
    add_column :users, :mood, :mood
    remove_foreign_key :users, :companies
    add_timestamps :simples, null: true
  end

  def down
    raise ActiveRecord::IrreversibleMigration
  end
end
