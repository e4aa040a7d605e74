// SPDX-License-Identifier: GPL-2.0-only
/** Version of kvmodel; a test holds it against package.json. */
export const VERSION = '0.1.0';
