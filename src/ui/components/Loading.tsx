import { Box, Text } from 'ink';
import Spinner from 'ink-spinner';
import type { ReactElement } from 'react';

interface LoadingProps {
  readonly text: string;
  readonly width: number;
  readonly height: number;
}

/** Something is being read before anything can be shown. Its spinner draws frames: for moments only. */
export function Loading({ text, width, height }: LoadingProps): ReactElement {
  return (
    <Box width={width} height={height} paddingLeft={2} paddingTop={1} overflow="hidden">
      <Text dimColor>
        <Spinner type="line" /> {text}
      </Text>
    </Box>
  );
}
