import { Text } from 'ink';
import { Component, type ReactNode } from 'react';
import { clip, oneLine } from '../text.ts';

interface BoundaryProps {
  readonly children: ReactNode;
  readonly width: number;
  /** Another value draws the children again: the state that broke them is gone. */
  readonly retryKey: string;
}

interface BoundaryState {
  readonly problem?: string | undefined;
  readonly failedKey?: string;
}

/** A part of the screen that cannot be drawn shows one line instead; the run, and the rest of the screen, go on. */
export class Boundary extends Component<BoundaryProps, BoundaryState> {
  override state: BoundaryState = {};

  static getDerivedStateFromError(error: unknown): BoundaryState {
    return { problem: error instanceof Error ? error.message : String(error) };
  }

  static getDerivedStateFromProps(
    { retryKey }: BoundaryProps,
    { problem, failedKey }: BoundaryState,
  ): BoundaryState {
    if (problem === undefined) return { failedKey: retryKey };
    return failedKey === retryKey ? { problem, failedKey } : { problem: undefined, failedKey: retryKey };
  }

  override render(): ReactNode {
    const { problem } = this.state;
    if (problem === undefined) return this.props.children;
    const text = ` ✗ cannot be drawn, the run goes on: ${oneLine(problem)}`;
    return <Text>{clip(text, this.props.width)}</Text>;
  }
}
