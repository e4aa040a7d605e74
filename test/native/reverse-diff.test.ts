// SPDX-License-Identifier: GPL-2.0-only
/** A diff turned round. */
import { describe, expect, it } from 'vitest';
import { applyHunks } from '../../src/native/apply-hunks.js';
import { parseDiff } from '../../src/native/diff.js';
import { reversedDiff } from '../../src/native/reverse-diff.js';

const PATCH = `diff --git a/x.c b/x.c
index 1111111..2222222 100644
--- a/x.c
+++ b/x.c
@@ -1,3 +1,4 @@ static void f(
 one
-two
+zwei
+drei
 three
@@ -9 +10 @@
-nine
+--- nine
diff --git a/new.c b/new.c
new file mode 100644
--- /dev/null
+++ b/new.c
@@ -0,0 +1 @@
+all
diff --git a/old.c b/name.c
rename from old.c
rename to name.c
`;
const BEFORE = 'one\ntwo\nthree\n4\n5\n6\n7\n8\nnine\n';

describe('a diff turned round', () => {
  const hunksOf = (text: string) => parseDiff(text, () => true);

  it('takes out what the patch puts in', () => {
    const [there] = hunksOf(PATCH);
    const after = applyHunks(BEFORE, there!.hunks);
    expect([after.failed, after.text]).toEqual([[], 'one\nzwei\ndrei\nthree\n4\n5\n6\n7\n8\n--- nine\n']);
    const [back] = hunksOf(reversedDiff(PATCH));
    expect(applyHunks(after.text, back!.hunks)).toMatchObject({ text: BEFORE, failed: [] });
    expect(back).toMatchObject({ blob: '2222222', hunks: [{ heading: 'static void f(' }, {}] });
  });

  it('removes files that the patch makes, and renames back', () => {
    const [, made, named] = hunksOf(reversedDiff(PATCH));
    expect([made!.from, made!.to]).toEqual(['new.c', null]);
    expect([named!.from, named!.to]).toEqual(['name.c', 'old.c']);
  });

  it('is the patch again when it is turned twice', () => {
    const twice = reversedDiff(reversedDiff(PATCH));
    expect(hunksOf(twice)).toEqual(hunksOf(PATCH));
  });
});
