import { join } from 'node:path';
import type { Environment } from '../../environment.ts';

export interface Unit {
  readonly file: string;
  readonly text: string;
}

/** A user's units that sweep a data directory every half minute. As a timer, so that no sweep depends on one process living on. */
export function systemdUnits({ home, root }: Environment): readonly Unit[] {
  return [
    { file: '~/.config/systemd/user/burnbag-reaper.service', text: serviceUnit(home, root) },
    { file: '~/.config/systemd/user/burnbag-reaper.timer', text: TIMER_UNIT },
  ];
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
Nice=5
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

# Put both files in place, then: systemctl --user daemon-reload && systemctl --user enable --now burnbag-reaper.timer
# Without a login session: loginctl enable-linger
`;

/** One word of a unit file (systemd.syntax(7)): quotes, backslashes and percent signs mean something there. */
function quote(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('%', '%%')}"`;
}
