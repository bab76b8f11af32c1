import { Text } from 'ink';
import { render } from 'ink-testing-library';
import type { ReactElement } from 'react';
import { expect, test } from 'vitest';
import { Boundary } from '../../src/ui/components/Boundary.tsx';
import { Lines } from '../../src/ui/components/Lines.tsx';

function Broken({ isBroken }: { readonly isBroken: boolean }): ReactElement {
  if (isBroken) throw new Error('no\u001b[2J such field');
  return <Text>whole</Text>;
}

test('rows are drawn as they are, no more of them than there is room', () => {
  const { lastFrame } = render(
    <Lines rows={['one', '\u001b[1mtwo\u001b[22m', 'three']} width={10} height={2} />,
  );
  expect(lastFrame()).toContain('one');
  expect(lastFrame()).toContain('two');
  expect(lastFrame()).not.toContain('three');
});

test('a component that throws becomes one safe line, and is tried again when something else is shown', () => {
  const app = render(
    <Boundary width={80} retryKey="a">
      <Broken isBroken />
    </Boundary>,
  );
  expect(app.lastFrame()).toContain('✗ cannot be drawn, the run goes on: no such field');
  app.rerender(
    <Boundary width={80} retryKey="b">
      <Broken isBroken={false} />
    </Boundary>,
  );
  expect(app.lastFrame()).toContain('whole');
});
