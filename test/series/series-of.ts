// SPDX-License-Identifier: GPL-2.0-only
import { type AnySeries, findSeries } from '../../src/series/registry.js';

/** The series of that id, which exists. */
export const seriesOf = (id: string): AnySeries => findSeries(id) as AnySeries;
