import { Box, Text } from 'ink';
import SelectInput from 'ink-select-input';
import type { ReactElement } from 'react';
import { THEME_NAMES, type ThemeName } from '../theme.ts';

interface ThemePickerProps {
  readonly current: ThemeName;
  readonly width: number;
  readonly height: number;
  readonly onHighlight: (name: ThemeName) => void;
}

const LABELS: Readonly<Record<ThemeName, string>> = {
  default: 'default        the 16 colours of your terminal',
  'high-contrast': 'high-contrast  bright colours, nothing dim',
  mono: 'mono           no colours: bold, dim and inverse only',
};
const ITEMS = THEME_NAMES.map((value) => ({ value, label: LABELS[value] }));

/** A short list of the themes; each is shown as it is passed. */
export function ThemePicker({ current, width, height, onHighlight }: ThemePickerProps): ReactElement {
  return (
    <Box flexDirection="column" width={width} height={height} overflow="hidden" paddingX={2} paddingY={1}>
      <Text bold>Theme</Text>
      <SelectInput
        items={ITEMS}
        indicatorComponent={Mark}
        itemComponent={Label}
        initialIndex={Math.max(0, THEME_NAMES.indexOf(current))}
        onHighlight={({ value }) => onHighlight(value)}
      />
    </Box>
  );
}

/** Without colours of its own: it shows also the theme that has none. */
function Mark({ isSelected = false }: { readonly isSelected?: boolean }): ReactElement {
  return <Text>{isSelected ? '❯ ' : '  '}</Text>;
}

function Label({
  isSelected = false,
  label,
}: {
  readonly isSelected?: boolean;
  readonly label: string;
}): ReactElement {
  return <Text inverse={isSelected}>{label}</Text>;
}
