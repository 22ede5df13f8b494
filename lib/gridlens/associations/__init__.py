"""Association analysis (关联分析): baskets of accounts, frequent itemsets, rules with their significance."""
