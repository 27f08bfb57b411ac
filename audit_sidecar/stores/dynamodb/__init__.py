# SPDX-License-Identifier: Apache-2.0
"""The log in DynamoDB: three tables, of which one only grows."""
