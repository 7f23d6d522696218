import { join } from 'node:path';
import { installationId } from '../environment.ts';

export interface Unit {
  /** The name of its file. */
  readonly name: string;
  readonly text: string;
}

/** Units that sweep a data directory every half minute. As a timer, so that no sweep depends on one process living on. */
export function reaperUnits({ home, root }: ReaperPlace): { readonly service: Unit; readonly timer: Unit } {
  const name = `burnbag-reaper-${installationId(home)}`;
  return {
    service: { name: `${name}.service`, text: serviceUnit(home, root) },
    timer: { name: `${name}.timer`, text: TIMER_UNIT },
  };
}

export interface ReaperPlace {
  /** The data directory, absolute. */
  readonly home: string;
  /** The checkout, absolute. */
  readonly root: string;
}

/** 75 is "busy": the owner of the data directory is at work, and does not want to be disturbed. */
function serviceUnit(home: string, root: string): string {
  return `[Unit]
Description=Burnbag reaper: burns what crashed runs left behind

[Service]
Type=oneshot
Environment=${quote(`BURNBAG_HOME=${home}`)}
ExecStart=${quote(join(root, 'burnbag'))} reap --patient
SuccessExitStatus=75
TimeoutStartSec=600
KillSignal=SIGINT
Nice=5
MemorySwapMax=0
`;
}

const TIMER_UNIT = `[Unit]
Description=Burnbag reaper, every half minute

[Timer]
OnBootSec=15
OnUnitInactiveSec=30
AccuracySec=1

[Install]
WantedBy=timers.target
`;

/** One word of a unit file (systemd.syntax(7)): quotes, backslashes and percent signs mean something there. */
function quote(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('%', '%%')}"`;
}
