import { Box, Text } from 'ink';
import { memo, type ReactElement } from 'react';

interface LinesProps {
  readonly rows: readonly string[];
  readonly width: number;
  readonly height: number;
}

/**
 * Rows that are already clipped and padded, as one text: Ink measures one node instead of one per row, and only
 * what is seen is drawn.
 */
export const Lines = memo(function Lines({ rows, width, height }: LinesProps): ReactElement {
  return (
    <Box width={width} height={height} flexShrink={0} overflow="hidden">
      <Text wrap="truncate">{rows.slice(0, height).join('\n')}</Text>
    </Box>
  );
});
