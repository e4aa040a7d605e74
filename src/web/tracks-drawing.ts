// SPDX-License-Identifier: GPL-2.0-only
/** Tracks on a canvas: rows with who runs or where a life stands, and arrows between them. Draws what is seen, however long the run. */
import { vcpuLife } from '../machine/vcpu-life.js';
import { type Arrow, type Row, stretchAt, type Tracks } from './tracks.js';

export const ROW = 18;
export const LEFT = 92;
export const FONT = '11px ui-monospace, monospace';
const GAP = 3;
/** Arrows beyond these are not drawn: there they would be a grey haze. */
const ARROWS = 1500;

export interface Look {
  width: number;
  /** where a position stands on the canvas, and which position stands there */
  x(position: number): number;
  positionAt(x: number): number;
  /** the position that is stepped to, and what is marked */
  present: number;
  marks: readonly { at: number; words: string }[];
  colour(name: string): string;
  idle: ReadonlySet<number>;
}

const COLOURS = ['c1', 'c2', 'c3', 'c4', 'c5', 'c6', 'c7'];

/** How a state of a vCPU's life is drawn: nobody tells colours apart alone, so each has its own height or hatching. */
const STATE: Readonly<Record<string, { colour: string; height: number; hatched?: boolean }>> = {
  inGuest: { colour: 'c1', height: 1 },
  exited: { colour: 'c2', height: 1 },
  polling: { colour: 'c4', height: 0.6 },
  woken: { colour: 'c3', height: 0.6, hatched: true },
  preempted: { colour: 'c5', height: 1, hatched: true },
  waiting: { colour: 'dim', height: 0.3, hatched: true },
  outside: { colour: 'dim', height: 0.3 },
  blocked: { colour: 'dim', height: 0.08 },
  dozing: { colour: 'dim', height: 0.08 },
};

/** In the words of the statechart (src/machine/vcpu-life.ts). */
export const stateName = (value: number): string => vcpuLife.states[value] ?? '';

export const heightOf = (tracks: Tracks): number => tracks.rows.length * ROW + 18;

export function drawTracks(ctx: CanvasRenderingContext2D, tracks: Tracks, look: Look): void {
  const height = heightOf(tracks);
  ctx.clearRect(0, 0, look.width, height);
  ctx.font = FONT;
  ctx.textBaseline = 'middle';
  for (const [i, row] of tracks.rows.entries()) drawRow(ctx, tracks, row, i * ROW, look);
  ctx.save();
  ctx.beginPath();
  ctx.rect(LEFT, 0, look.width - LEFT, height);
  ctx.clip();
  drawArrows(ctx, tracks, look);
  ctx.restore();
}

/** Stretches of a row that are seen, those thinner than a pixel as one. */
function* seen(
  row: Row,
  tracks: Tracks,
  look: Look,
): Generator<{ value: number; from: number; to: number; at: number }> {
  const end = tracks.known;
  const last = look.positionAt(look.width);
  for (let i = stretchAt(row, look.positionAt(LEFT)); i < row.starts.length && row.starts[i] <= last; ) {
    const from = Math.max(LEFT, look.x(row.starts[i]));
    const to = Math.min(look.width, look.x(row.starts[i + 1] ?? end));
    if (to - from >= 0.7) {
      yield { value: row.values[i], from, to, at: row.starts[i] };
      i++;
    } else {
      // the next one that begins on another pixel
      const next = stretchAt(row, look.positionAt(from + 1));
      if (to > from) yield { value: row.values[i], from, to: from + 1, at: row.starts[i] };
      i = Math.max(i + 1, next);
    }
  }
}

function drawRow(ctx: CanvasRenderingContext2D, tracks: Tracks, row: Row, y: number, look: Look): void {
  const { colour } = look;
  ctx.fillStyle = colour('ink');
  ctx.fillText(row.label.length > 13 ? `${row.label.slice(0, 12)}…` : row.label, 0, y + ROW / 2);
  ctx.fillStyle = colour('line');
  ctx.fillRect(LEFT, y + ROW - 1, look.width - LEFT, 1);
  for (const { value, from, to } of seen(row, tracks, look)) {
    if (row.kind === 'cpu') {
      if (look.idle.has(value)) continue;
      box(ctx, from, to, y, { colour: taskColour(value, look), height: 1 }, look);
      label(ctx, tracks.comms[value] ?? '', from, to, y, look);
    } else {
      const state = stateName(value);
      const drawn = STATE[state] ?? STATE['outside'];
      box(ctx, from, to, y, drawn, look);
      if (drawn.height >= 0.6) label(ctx, state, from, to, y, look);
      else label(ctx, state, from, to, y, look, 'dim');
    }
  }
}

const taskColour = (task: number, { idle }: Look): string => COLOURS[(task - idle.size + 70) % COLOURS.length];

function box(
  ctx: CanvasRenderingContext2D,
  from: number,
  to: number,
  y: number,
  drawn: { colour: string; height: number; hatched?: boolean },
  look: Look,
): void {
  const full = ROW - GAP - 1;
  const height = Math.max(1, full * drawn.height);
  const top = y + 1 + full - height;
  ctx.fillStyle = look.colour(drawn.hatched === true ? `${drawn.colour}-soft` : drawn.colour);
  ctx.fillRect(from, top, Math.max(0.7, to - from - (to - from > 3 ? 1 : 0)), height);
  if (drawn.hatched !== true || to - from < 4) return;
  ctx.save();
  ctx.beginPath();
  ctx.rect(from, top, to - from - 1, height);
  ctx.clip();
  ctx.strokeStyle = look.colour(drawn.colour);
  ctx.lineWidth = 1;
  ctx.beginPath();
  for (let x = Math.floor(from / 6) * 6 - height; x < to; x += 6) {
    ctx.moveTo(x, top + height);
    ctx.lineTo(x + height, top);
  }
  ctx.stroke();
  ctx.restore();
}

function label(
  ctx: CanvasRenderingContext2D,
  text: string,
  from: number,
  to: number,
  y: number,
  look: Look,
  ink = 'on',
): void {
  const room = to - from - 8;
  if (room < text.length * 6.7) return;
  const wide = ctx.measureText(text).width;
  ctx.fillStyle = look.colour('paper');
  if (ink === 'on') {
    ctx.globalAlpha = 0.82;
    ctx.fillRect(from + 3, y + 3, wide + 4, ROW - GAP - 5);
    ctx.globalAlpha = 1;
  }
  ctx.fillStyle = look.colour(ink === 'on' ? 'ink' : 'dim');
  ctx.fillText(text, from + 5, y + (ROW - GAP) / 2 + (ink === 'on' ? 0.5 : -1));
}

/* ---- arrows ---- */

/** The first arrow that begins at or behind a position. */
function firstArrow(arrows: readonly Arrow[], position: number): number {
  let [low, high] = [0, arrows.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (arrows[middle].at < position) low = middle + 1;
    else high = middle;
  }
  return low;
}

function drawArrows(ctx: CanvasRenderingContext2D, { arrows, known }: Tracks, look: Look): void {
  const [first, last] = [look.positionAt(LEFT), look.positionAt(look.width)];
  // those that began before what is seen and have not landed are seen as well
  const from = Math.max(0, firstArrow(arrows, first) - 64);
  const to = firstArrow(arrows, last + 1);
  if (to - from > ARROWS) return;
  for (const arrow of arrows.slice(from, to)) drawArrow(ctx, arrow, known, look);
}

const middle = (row: number): number => row * ROW + (ROW - GAP) / 2;

function drawArrow(ctx: CanvasRenderingContext2D, arrow: Arrow, known: number, look: Look): void {
  const { kind, from, to, at, landed, ended, refused, vector } = arrow;
  const ink = kind === 'boost' ? 'boost' : kind === 'interrupt' ? 'irq' : 'wake';
  ctx.strokeStyle = look.colour(refused ? 'dim' : ink);
  ctx.fillStyle = ctx.strokeStyle;
  ctx.lineWidth = kind === 'boost' && !refused ? 1.6 : 1;
  ctx.setLineDash(refused ? [2, 2] : kind === 'wake' ? [4, 2] : []);
  const [x1, x2] = [look.x(at), look.x(landed < 0 ? at : landed)];
  const y2 = middle(to);
  const y1 = from < 0 ? y2 - ROW * 0.6 : middle(from);
  ctx.beginPath();
  ctx.moveTo(x1, y1);
  ctx.lineTo(x2, y2);
  ctx.stroke();
  ctx.setLineDash([]);
  const turn = Math.atan2(y2 - y1, x2 - x1);
  ctx.beginPath();
  ctx.moveTo(x2, y2);
  ctx.lineTo(x2 - 6 * Math.cos(turn - 0.45), y2 - 6 * Math.sin(turn - 0.45));
  ctx.lineTo(x2 - 6 * Math.cos(turn + 0.45), y2 - 6 * Math.sin(turn + 0.45));
  ctx.fill();
  if (kind !== 'interrupt') return;
  // in service or pending: until its EOI
  const end = look.x(ended < 0 ? known : ended);
  const y = to * ROW + ROW - 3;
  ctx.beginPath();
  ctx.moveTo(x2, y);
  ctx.lineTo(end, y);
  ctx.stroke();
  if (ended >= 0) ctx.fillRect(end - 1, y - 2, 2, 4);
  if (end - x2 > 40) ctx.fillText(`0x${vector.toString(16)}`, x2 + 3, y - 5);
}

/** What moves as one steps, over the picture that does not. */
export function drawMarks(ctx: CanvasRenderingContext2D, height: number, look: Look): void {
  for (const { at, words } of look.marks) {
    const x = look.x(at);
    ctx.strokeStyle = look.colour('mark');
    ctx.setLineDash([3, 3]);
    ctx.beginPath();
    ctx.moveTo(x, 0);
    ctx.lineTo(x, height + 10);
    ctx.stroke();
    ctx.setLineDash([]);
    ctx.fillStyle = look.colour('mark');
    ctx.fillText(words, x + 3, height + 9);
  }
  const x = look.x(look.present);
  ctx.fillStyle = look.colour('here');
  ctx.fillRect(x - 1, 0, 2, height + 4);
  ctx.beginPath();
  ctx.moveTo(x - 5, height + 10);
  ctx.lineTo(x + 5, height + 10);
  ctx.lineTo(x, height + 2);
  ctx.fill();
}

/** The whole run, small: who runs on each CPU. */
export function drawMinimap(ctx: CanvasRenderingContext2D, tracks: Tracks, look: Look, height: number): void {
  ctx.clearRect(0, 0, look.width, height);
  const cpus = tracks.rows.filter(({ kind }) => kind === 'cpu');
  const each = height / cpus.length;
  for (const [i, row] of cpus.entries())
    for (const { value, from, to } of seen(row, tracks, look)) {
      if (look.idle.has(value)) continue;
      ctx.fillStyle = look.colour(taskColour(value, look));
      ctx.fillRect(from, i * each, Math.max(0.7, to - from), Math.max(1, each - 0.5));
    }
}
