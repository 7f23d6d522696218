import type { Answered, Asked } from './message.ts';

/** Which part of a list is asked for. */
export interface Page {
  readonly from: number;
  readonly size: number;
}

/** Calls of EC2 that answer in pages. moto gives pages of instances alone. */
const PAGED = /^Describe(Instances|Volumes|NetworkInterfaces|SecurityGroups|Snapshots|Images)$/;
const TOKEN = /^page-from-([0-9]+)$/;

/** The same question for the whole list, and the page that is to be answered; undefined where nothing is to be cut. */
export function wholeOf(asked: Asked, size: number): { readonly asked: Asked; readonly page: Page } | undefined {
  if (size === 0 || !PAGED.test(asked.action)) return undefined;
  const form = new URLSearchParams(asked.form);
  const from = Number(TOKEN.exec(form.get('NextToken') ?? '')?.[1] ?? 0);
  form.delete('NextToken');
  form.delete('MaxResults');
  const body = Buffer.from(form.toString());
  const headers = { ...asked.headers, 'content-length': String(body.length) };
  return { asked: { ...asked, form, body, headers }, page: { from, size } };
}

/** That page of a whole answer, with the token of the next one where there is more. */
export function pageOf(answer: Answered, { from, size }: Page): Answered {
  const text = answer.body.toString();
  const [list = '', name = ''] = LIST.exec(text) ?? [];
  if (answer.status !== 200 || list === '') return answer;
  const items = itemsIn(list);
  const next = from + size < items.length ? `<nextToken>page-from-${from + size}</nextToken>` : '';
  const page = `<${name}>${items.slice(from, from + size).join('')}</${name}>${next}`;
  return { ...answer, body: Buffer.from(text.replace(list, () => page)) };
}

/** The one list of such an answer: it comes right after the id of the request. */
const LIST = /<(reservationSet|volumeSet|networkInterfaceSet|securityGroupInfo|snapshotSet|imagesSet)>.*<\/\1>/s;

/** The outermost items: they have items of their own. */
function itemsIn(list: string): readonly string[] {
  const items: string[] = [];
  let [depth, begin] = [0, 0];
  for (const { 0: tag, index } of list.matchAll(/<(\/?)item>/g)) {
    if (tag === '<item>') {
      if (depth === 0) begin = index;
      depth += 1;
    } else {
      depth -= 1;
      if (depth === 0) items.push(list.slice(begin, index + tag.length));
    }
  }
  return items;
}
