# The trusted rules of migrations (stdlib/migration), in the order in which
# each builds on those before it: for the reader and for its fuzzers.
set(MIGRATION_RULES
  cut catalog codes expand
  expression expression_truth diff_type diff_context diff_columns diff_keys
  diff_constraints diff_defaults diff_privileges diff_triggers
  diff_relations diff_types
  diff_functions diff_others diff
  apply_state apply_types apply_names apply_query apply_index
  apply_constraint apply_column apply_drop apply_table apply_alter_column
  apply_alter
  apply_rename apply_view apply_type apply_function apply_grant apply_data
  apply apply_read apply_down
  program program_digest python python_names alembic_types alembic_parts
  alembic_table alembic_ops alembic django_fields django_state django_q
  django_sql django_index django_ops django ruby_tokens
  ruby ruby_statements rails_values rails_table rails_ops rails_keys
  rails_invert rails programs judge)
