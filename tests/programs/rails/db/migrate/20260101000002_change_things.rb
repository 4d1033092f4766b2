class ChangeThings < ActiveRecord::Migration[6.1]
  TABLE = :users

  def change
    add_column TABLE, :nick, :string, default: "x", null: false
    add_column :users, :height, :float
    rename_column :users, :name, :full_name
    change_column_null :users, :rate, false, 0
    change_column_default :users, :age, from: nil, to: 18
    add_index :users, [:nick, :height], unique: true
    add_reference :users, :company, type: :uuid, foreign_key: true
    add_foreign_key :companies, :users, column: :thing_id, on_delete: :nullify,
                    validate: false
    add_check_constraint :users, "height > 0"
    remove_column :users, :seen_at, :datetime
    remove_index :users, column: :email
    change_table :companies, bulk: true do |t|
      t.string :city, :country
      t.rename :note, :remark
      t.index :city
      t.remove :thing_type, type: :string
    end
    reversible do |dir|
      dir.up do
        execute <<~SQL
          CREATE VIEW names AS
            SELECT full_name FROM users;
        SQL
      end
      dir.down { execute "DROP VIEW names" }
    end
    rename_table :plain, :simples
    drop_table :companies_users do |t|
      t.bigint :company_id
      t.bigint :user_id
    end
  end
end
