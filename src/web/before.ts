// SPDX-License-Identifier: GPL-2.0-only
/** The page's data, and what is settled before the machine is loaded: which 64-bit integers, and no code from strings. */
import { chooseInt64 } from '../lib/int64-choice.js';
import { copyWithoutCode } from '../machine/clone.js';
import type { PageData } from '../step/page-data.js';

export const pageData = JSON.parse(document.getElementById('data')?.textContent ?? 'null') as PageData | null;

if (pageData?.target?.int64 === 'checked') chooseInt64('checked');
copyWithoutCode();
