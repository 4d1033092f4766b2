# frozen_string_literal: true

class Begin < ActiveRecord::Migration[6.1]
  def change
    enable_extension "pgcrypto"

    create_table :users do |t|
      t.string :name, null: false, limit: 50, default: "nobody"
      t.string :email, index: { unique: true }
      t.integer :age, limit: 2
      t.bigint "points", :null => false, :default => 0
      t.decimal :rate, precision: 10, scale: 2, default: 1.5
      t.boolean :active, default: true, null: false
      t.datetime :seen_at
      t.datetime :asked_at, precision: 3, default: -> { "now()" }
      t.jsonb :data, default: {}
      t.string :tags, array: true, default: []
      t.timestamps
      t.index [:name, :age], where: "age > 18"
    end

    create_table :companies, id: :uuid do |t|
      t.references :owner, null: false,
                   foreign_key: { to_table: :users, on_delete: :cascade }
      t.belongs_to :thing, polymorphic: true
      t.text :note, comment: "what people say"
      t.check_constraint "length(note) > 3", name: "long_note"
      t.timestamps null: true
    end

    create_table "plain", id: false, force: :cascade do |t|
      t.column :code, "character(3)", null: false
      t.date :day
    end
    create_join_table :users, :companies, column_options: { type: :bigint }
    add_index :companies, "lower(note)", name: "low_notes"
  end
end
