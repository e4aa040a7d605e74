// SPDX-License-Identifier: GPL-2.0-only
/** Tracks over time: zoom and pan with mouse or keys, a small map of the whole, a click goes there. */
import { scaleLinear } from 'd3-scale';
import { select } from 'd3-selection';
import { type D3ZoomEvent, type ZoomBehavior, type ZoomTransform, zoom, zoomIdentity } from 'd3-zoom';
import type { JSX } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { grouped, Panel, Scroll, useWidth } from './parts.js';
import type { ViewProps } from './run-view.js';
import { stretchAt, type Tracks } from './tracks.js';
import {
  drawMarks,
  drawMinimap,
  drawTracks,
  FONT,
  heightOf,
  LEFT,
  type Look,
  ROW,
  stateName,
} from './tracks-drawing.js';

const MAP = 22;
const RIGHT = 10;
const ZOOM_MOST = 20_000;

export type Axis = 'time' | 'events';

/** A run in which next to no time passes is told by its events. */
export function usualAxis({ time, length }: Tracks): Axis {
  return length <= 80 || (time[time.length - 1] ?? 0) === 0 ? 'events' : 'time';
}

/** What keys do to the picture. */
export interface TracksHandle {
  zoomBy(factor: number): void;
  zoomAll(): void;
}

interface TracksProps extends ViewProps {
  axis: Axis;
  theme: string;
  handle(it: TracksHandle): void;
}

type Scale = ReturnType<typeof scaleLinear<number, number>>;

/** Where positions stand on the picture. */
interface Geometry {
  /** of the whole run, and of what is zoomed to */
  whole: Scale;
  scale: Scale;
  valueAt(position: number): number;
  positionAt(x: number, scale: Scale): number;
}

function geometryOf(tracks: Tracks, known: number, axis: Axis, width: number, transform: ZoomTransform): Geometry {
  // by events the axis is known from the start; by time it grows while it is recorded
  const end = Math.max(1, axis === 'events' ? tracks.length : (tracks.time[known] ?? 1));
  const whole = scaleLinear([0, end], [LEFT + 2, width - RIGHT]);
  return {
    whole,
    scale: transform.rescaleX(whole),
    valueAt: (position) => (axis === 'events' ? position : (tracks.time[Math.min(position, known)] ?? end)),
    positionAt(x, scale) {
      const value = scale.invert(x);
      return axis === 'events' ? Math.max(0, Math.min(known, Math.floor(value))) : lastAt(tracks.time, value);
    },
  };
}

type Zoomer = {
  transform: ZoomTransform;
  to(does: (it: ZoomBehavior<HTMLCanvasElement, unknown>, on: Selected) => void): void;
};
type Selected = ReturnType<typeof select<HTMLCanvasElement, unknown>>;

function useZoom(canvas: { current: HTMLCanvasElement | null }, width: number, height: number): Zoomer {
  const [transform, setTransform] = useState<ZoomTransform>(zoomIdentity);
  const made = useRef<ZoomBehavior<HTMLCanvasElement, unknown> | null>(null);
  useEffect(() => {
    const it = canvas.current;
    if (it === null) return;
    const box: [[number, number], [number, number]] = [
      [LEFT, 0],
      [width - RIGHT, height],
    ];
    made.current = zoom<HTMLCanvasElement, unknown>()
      .scaleExtent([1, ZOOM_MOST])
      .extent(box)
      .translateExtent(box)
      // a wheel alone scrolls the page
      .filter((e: WheelEvent | MouseEvent) => e.type !== 'wheel' || e.ctrlKey || e.shiftKey || e.altKey)
      .on('zoom', (e: D3ZoomEvent<HTMLCanvasElement, unknown>) => setTransform(e.transform));
    select(it).call(made.current).on('dblclick.zoom', null);
    return () => void select(it).on('.zoom', null);
  }, [width, height]);
  return {
    transform,
    to(does) {
      if (canvas.current !== null && made.current !== null) does(made.current, select(canvas.current));
    },
  };
}

type CanvasAt = { current: HTMLCanvasElement | null };

/**
 * Draws the tracks, and over them what a step moves. WHY two canvases: those marks are few, and the rest is a thousand boxes.
 * `drawn` changes with the boxes.
 */
function usePicture([still, over]: readonly [CanvasAt, CanvasAt], tracks: Tracks, look: Look, drawn: string): void {
  const { width, marks, present } = look;
  const height = heightOf(tracks);
  useEffect(() => {
    const ctx = sized(still.current, width, height);
    if (ctx !== null) drawTracks(ctx, tracks, look);
  }, [tracks, width, height, drawn]);
  useEffect(() => {
    const ctx = sized(over.current, width, height);
    if (ctx === null) return;
    ctx.clearRect(0, 0, width, height);
    ctx.font = FONT;
    ctx.textBaseline = 'middle';
    drawMarks(ctx, height - 18, look);
  }, [tracks, width, height, drawn, present, marks.map(({ at, words }) => `${at} ${words}`).join()]);
}

export function TracksView({ session, turn, send, axis, theme, handle }: TracksProps): JSX.Element {
  const { tracks, otherTracks, line } = session;
  const box = useRef<HTMLDivElement>(null);
  const over = useRef<HTMLCanvasElement>(null);
  const width = useWidth(box, 800);
  const { transform, to } = useZoom(over, width, heightOf(tracks));
  const [known, setKnown] = useState(tracks.known);
  const [under, hover] = useState('');
  useEffect(
    () =>
      recordAll(session, (it) => {
        setKnown(it);
        if (session.isWhole) send({ type: 'recorded' });
      }),
    [tracks],
  );
  const geometry = geometryOf(tracks, Math.min(known, tracks.known), axis, width, transform);
  const { whole, scale, valueAt } = geometry;
  const { event } = line.place;
  const colours = useMemo(() => coloursOf(box.current), [theme, box.current]);
  const look = ({ valueAt: value, positionAt }: Geometry, by: Scale): Look => ({
    width,
    x: (position) => by(value(position)),
    positionAt: (x) => positionAt(x, by),
    present: axis === 'events' ? event + partOf(session) : event,
    marks: session.marks,
    colour: (name) => colours.get(name),
    idle: session.idle,
  });
  const drawn = `${known} ${tracks.length} ${axis} ${theme} ${transform}`;
  handle({
    zoomBy: (factor) => to((it, on) => it.scaleBy(on, factor, [scale(valueAt(event)), 0])),
    zoomAll: () => to((it, on) => it.transform(on, zoomIdentity)),
  });
  // what is stepped to stays in sight
  useEffect(() => {
    const x = scale(valueAt(event));
    if (x < LEFT || x > width - RIGHT) to((it, on) => it.translateTo(on, whole(valueAt(event)), 0));
  }, [event, axis]);
  const shared = { drawn, spoken: (of: Tracks) => spoken(of, event, turn), hover, send };
  // the other kernel's on the same scale: a position stands at its own time
  const beside =
    otherTracks === null
      ? null
      : { ...geometryOf(otherTracks, otherTracks.known, axis, width, transform), whole, scale };
  return (
    <Panel id="tracks" title="Tracks" note={under === '' ? axisNote(axis, tracks, known) : under}>
      <div class="tracks" ref={box}>
        <Minimap
          tracks={tracks}
          look={look(geometry, whole)}
          drawn={`${session.isWhole ? 'whole' : known >> 14} ${width} ${axis} ${theme}`}
          seen={[LEFT, width - RIGHT].map((x) => whole(scale.invert(x)))}
          centre={(x) => to((it, on) => it.translateTo(on, x, 0))}
        />
        <Scroll class="rows" label="tracks of CPUs and vCPUs">
          {otherTracks === null ? null : <h3>{line.kernel.name}</h3>}
          <Picture {...shared} tracks={tracks} look={look(geometry, scale)} over={over} />
          {otherTracks === null || beside === null ? null : (
            <>
              <h3>{session.other?.name}</h3>
              <Picture {...shared} tracks={otherTracks} look={look(beside, scale)} />
            </>
          )}
        </Scroll>
      </div>
    </Panel>
  );
}

interface PictureProps {
  tracks: Tracks;
  look: Look;
  drawn: string;
  /** the canvas that zooming listens on */
  over?: CanvasAt;
  spoken(of: Tracks): string;
  hover(words: string): void;
  send: ViewProps['send'];
}

/** The rows of one kernel. */
function Picture({ tracks, look, drawn, over, spoken: words, hover, send }: PictureProps): JSX.Element {
  const still = useRef<HTMLCanvasElement>(null);
  const own = useRef<HTMLCanvasElement>(null);
  const top = over ?? own;
  usePicture([still, top], tracks, look, `${drawn} ${tracks.known}`);
  return (
    <div class="picture">
      <canvas ref={still} />
      <canvas
        class="over"
        ref={top}
        role="img"
        aria-label={words(tracks)}
        onClick={(e) => {
          if (e.offsetX > LEFT) send({ type: 'go', place: { event: look.positionAt(e.offsetX), step: 0 } });
        }}
        onPointerMove={(e) => hover(under(tracks, e.offsetY, look.positionAt(e.offsetX)))}
        onPointerLeave={() => hover('')}
      />
    </div>
  );
}

/** How much of the present event is made. */
function partOf({ line }: ViewProps['session']): number {
  const { step } = line.place;
  return step === 0 ? 0 : step / Math.max(1, line.detail?.steps.length ?? 1);
}

interface MinimapProps {
  tracks: Tracks;
  look: Look;
  /** changes when it has to be drawn anew */
  drawn: string;
  /** from where to where the picture shows */
  seen: number[];
  centre(x: number): void;
}

function Minimap({ tracks, look, drawn, seen: [from, to], centre }: MinimapProps): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const ctx = sized(canvas.current, look.width, MAP);
    if (ctx !== null) drawMinimap(ctx, tracks, look, MAP);
  }, [tracks, drawn]);
  return (
    <div class="map">
      <canvas
        ref={canvas}
        role="img"
        aria-label="the whole run, small"
        onPointerDown={(e) => centre(e.offsetX)}
        onPointerMove={(e) => {
          if (e.buttons === 1) centre(e.offsetX);
        }}
      />
      <div class="window" style={{ left: `${from}px`, width: `${Math.max(3, to - from)}px` }} />
    </div>
  );
}

function axisNote(axis: Axis, tracks: Tracks, known: number): string {
  if (!tracks.isWhole) return `recording ${grouped(known)} of ${grouped(tracks.length)} events`;
  return axis === 'events' ? 'over events' : `over time, ${grouped(tracks.time[known] ?? 0)} ns`;
}

/** ms of every frame in which the rest is run and recorded; ms between two pictures of it. */
const SHARE = 7;
const PICTURES = 250;

/** Runs and records the rest, a stretch each frame; returns what ends that. */
function recordAll(session: ViewProps['session'], told: (known: number) => void): () => void {
  let frame = 0;
  let shown = performance.now();
  const go = (): void => {
    session.grow(SHARE);
    const now = performance.now();
    if (session.isWhole || now - shown > PICTURES) {
      shown = now;
      told(session.tracks.known);
    }
    if (!session.isWhole) frame = requestAnimationFrame(go);
  };
  frame = requestAnimationFrame(go);
  return () => cancelAnimationFrame(frame);
}

/** The last position at or before a time. */
function lastAt(time: readonly number[], value: number): number {
  let [low, high] = [0, time.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (time[middle] <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}

function under(tracks: Tracks, y: number, position: number): string {
  const row = tracks.rows[Math.floor(y / ROW)];
  if (row === undefined) return '';
  const i = stretchAt(row, position);
  const from = row.starts[i];
  const to = row.starts[i + 1] ?? tracks.known;
  const what = row.kind === 'cpu' ? (tracks.comms[row.values[i]] ?? '') : stateName(row.values[i]);
  const ns = (tracks.time[to] ?? 0) - (tracks.time[from] ?? 0);
  return `${row.label}: ${what}, events ${grouped(from)} to ${grouped(to)}, ${grouped(ns)} ns`;
}

/** The picture at the present place, for who cannot see it. */
function spoken(tracks: Tracks, event: number, _turn: number): string {
  const at = Math.min(event, tracks.known);
  const rows = tracks.rows.map((row) => {
    const value = row.values[stretchAt(row, at)];
    return `${row.label} ${row.kind === 'cpu' ? `runs ${tracks.comms[value] ?? ''}` : stateName(value)}`;
  });
  return `tracks; here: ${rows.join(', ')}`;
}

function sized(canvas: HTMLCanvasElement | null, width: number, height: number): CanvasRenderingContext2D | null {
  if (canvas === null) return null;
  const dense = window.devicePixelRatio || 1;
  const [w, h] = [Math.round(width * dense), Math.round(height * dense)];
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const ctx = canvas.getContext('2d');
  ctx?.setTransform(dense, 0, 0, dense, 0, 0);
  return ctx;
}

/** The colours of the style sheet, as the theme has them. */
function coloursOf(element: HTMLElement | null): { get(name: string): string } {
  const known = new Map<string, string>();
  const probe = document.createElement('i');
  return {
    get(name) {
      const there = known.get(name);
      if (there !== undefined) return there;
      // WHY asked of an element: a custom property alone is not worked out
      element?.append(probe);
      probe.style.color = `var(--${name})`;
      const made = getComputedStyle(probe).color;
      probe.remove();
      known.set(name, made);
      return made;
    },
  };
}
