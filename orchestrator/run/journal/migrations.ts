/** The journal's tables, step by step. A step that was released is never changed: the next one mends it. */
export const MIGRATIONS: readonly { readonly name: string; readonly sql: string }[] = [
  {
    name: 'runs, their moves, and everything recorded about them',
    sql: `
      create schema if not exists burnbag;

      create table burnbag.migrations (
        id         integer primary key,
        name       text not null,
        applied_at timestamptz not null default now()
      );

      -- JSON is kept as text ("json", not "jsonb"): what a script printed may hold U+0000, which jsonb refuses.
      create table burnbag.runs (
        run_id     text collate "C" primary key check (run_id ~ '^[0-9a-f]{12}$'),
        task_id    text not null,
        requester  text not null,
        profile    text not null,
        state      text not null,
        outcome    text,
        why        text,
        created_at timestamptz not null,
        moved_at   timestamptz not null,
        ended_at   timestamptz,
        request    json not null,
        sandbox    json,
        result     json,
        version    integer not null,
        chain_head text not null
      );
      create index runs_by_time on burnbag.runs (created_at desc, run_id);
      create index runs_unfinished on burnbag.runs (created_at) where ended_at is null;

      -- Append-only; each hash covers the one before it.
      create table burnbag.transitions (
        run_id     text collate "C" not null references burnbag.runs,
        seq        integer not null,
        from_state text,
        to_state   text not null,
        outcome    text,
        why        text,
        at         timestamptz not null,
        previous   text not null,
        hash       text not null,
        primary key (run_id, seq)
      );

      -- The manifest of ids: what must be gone after the burn.
      create table burnbag.ids (
        run_id      text collate "C" not null references burnbag.runs,
        kind        text not null,
        id          text not null,
        seq         integer generated always as identity,
        detail      json not null,
        recorded_at timestamptz not null,
        gone_at     timestamptz,
        gone_how    text,
        gone_means  text,
        primary key (run_id, kind, id)
      );

      create table burnbag.certificates (
        serial       text primary key,
        run_id       text collate "C" not null references burnbag.runs,
        key_id       text not null,
        valid_before timestamptz not null,
        recorded_at  timestamptz not null
      );
      create index certificates_by_run on burnbag.certificates (run_id);

      create table burnbag.actions (
        run_id     text collate "C" not null references burnbag.runs,
        request_id integer not null,
        action     text not null,
        state      text not null,
        at         timestamptz not null,
        primary key (run_id, request_id, state)
      );`,
  },
  {
    name: 'whose runs are whose, where several data directories share a server',
    sql: `
      -- The data directory that conducts the run and alone may change anything of it; null in an embedded journal, which is one's own.
      alter table burnbag.runs add column holder text collate "C";`,
  },
];
