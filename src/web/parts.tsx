// SPDX-License-Identifier: GPL-2.0-only
/** What several views are made of: a panel, a long list of which only what is seen exists, numbers as people read them. */
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

/** 4102048 -> 4 102 048, by thin spaces. */
export function grouped(n: bigint | number): string {
  return String(n).replace(/\B(?=(\d{3})+(?!\d))/g, '\u2009');
}

export const signed = (n: bigint | number): string => (n > 0 ? `+${grouped(n)}` : grouped(n).replace('-', '−'));

export function Panel(props: { id: string; title: string; note?: string; children: ComponentChildren }): JSX.Element {
  const { id, title, note, children } = props;
  return (
    <section class="panel" id={id} aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`}>
        {title}
        {note === undefined || note === '' ? null : <small>{note}</small>}
      </h2>
      {children}
    </section>
  );
}

/** How wide an element is, whenever that changes. */
export function useWidth(at: { current: HTMLElement | null }, usual: number): number {
  const [width, widen] = useState(usual);
  useEffect(() => {
    const it = at.current;
    if (it === null) return;
    const observer = new ResizeObserver(() => widen(it.clientWidth));
    observer.observe(it);
    return () => observer.disconnect();
  }, []);
  return width;
}

/** ms after which somebody who goes on event by event is taken to look */
const STILL = 70;

/** True once `what` has not changed for a moment: then what takes longer than a step is worth finding out. */
export function useStill(what: unknown): boolean {
  const [still, settle] = useState<unknown>(null);
  useEffect(() => {
    const timer = window.setTimeout(() => settle(what), STILL);
    return () => window.clearTimeout(timer);
  }, [what]);
  return still === what;
}

/** What is longer than its place. */
export function Scroll(props: { label: string; class?: string; children: ComponentChildren }): JSX.Element {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard has to reach it
    <section class={props.class ?? 'scroll'} aria-label={props.label} tabIndex={0}>
      {props.children}
    </section>
  );
}

interface ListProps {
  label: string;
  /** the element's id, of which rows are numbered parts */
  id: string;
  count: number;
  /** the row that stays in sight and that is told to who cannot see; -1 for none */
  current: number;
  row(i: number): ComponentChildren;
  rowClass?(i: number): string;
  onPick?(i: number, e: Event): void;
}

const ROW = 19;
const BEYOND = 8;

/** A list whose rows exist only where somebody sees them. */
export function LongList({ label, id, count, current, row, rowClass, onPick }: ListProps): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const [seen, see] = useState({ top: 0, height: 600 });
  const look = (): void => {
    const it = box.current;
    if (it !== null) see({ top: it.scrollTop, height: it.clientHeight });
  };
  useEffect(() => {
    const it = box.current;
    if (it === null) return;
    const observer = new ResizeObserver(look);
    observer.observe(it);
    return () => observer.disconnect();
  }, []);
  useLayoutEffect(() => {
    const it = box.current;
    if (it === null || current < 0) return;
    const at = current * ROW;
    if (at < it.scrollTop + ROW || at > it.scrollTop + it.clientHeight - 2 * ROW)
      it.scrollTop = Math.max(0, at - it.clientHeight / 2);
    look();
  }, [current, count]);
  const first = Math.max(0, Math.floor(seen.top / ROW) - BEYOND);
  const last = Math.min(count, Math.ceil((seen.top + seen.height) / ROW) + BEYOND);
  const rows = Array.from({ length: Math.max(0, last - first) }, (_, i) => first + i);
  return (
    <div
      class="long"
      ref={box}
      role="listbox"
      aria-label={label}
      aria-activedescendant={current >= first && current < last ? `${id}-${current}` : undefined}
      tabIndex={0}
      onScroll={look}
    >
      <div class="long-all" role="presentation" style={{ height: `${count * ROW}px` }}>
        {rows.map((i) => (
          <div
            key={i}
            id={`${id}-${i}`}
            role="option"
            aria-selected={i === current}
            aria-posinset={i + 1}
            aria-setsize={count}
            tabIndex={-1}
            class={`row ${i === current ? 'current' : ''} ${rowClass?.(i) ?? ''}`}
            style={{ top: `${i * ROW}px` }}
            onClick={(e) => onPick?.(i, e)}
            onKeyDown={(e) => {
              if (e.key === 'Enter') onPick?.(i, e);
            }}
          >
            {row(i)}
          </div>
        ))}
      </div>
    </div>
  );
}
