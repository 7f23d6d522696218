import type { ConcreteId } from '../../infra/driver.ts';
import type { BurnProof } from '../../orchestrator/evidence/index.ts';

/** The proof that one id is gone: deleted, then looked for twice. */
export function proof(kind: ConcreteId['kind'], id: string): BurnProof {
  const target = { kind, id, detail: { label: 'test' } };
  const looks = ['2026-11-23T08:00:02.000Z', '2026-11-23T08:00:02.200Z'];
  return {
    target,
    deletion: { target, how: 'unlink', at: '2026-11-23T08:00:01.000Z' },
    observations: looks.map((at) => ({ state: 'gone', means: 'lstat: ENOENT', at })),
  };
}
