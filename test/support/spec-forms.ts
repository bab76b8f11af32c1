/** The stages that spec 1 prints, to the letter. */
export const SPEC_1 = `pipeline:
  stages:
    - name: vcs_analysis
      enabled: true
      timeout: 300
      retry_count: 3
    
    - name: test_strategy
      enabled: true
      require_confirmation: true
    
    - name: test_code_generation
      enabled: true
      parallel: true
      max_workers: 4
`;
